/** JSON text of a string. JavaScript and the network's Rust escape the same characters alike. */
export function text(value: string): string {
  return JSON.stringify(value);
}

/** JSON text of an object of integers and booleans, in the order given. Integers may have 64 bits. */
export function integers(fields: Readonly<Record<string, number | bigint | boolean>>): string {
  const entries = Object.entries(fields).map(([name, value]) => `${text(name)}:${value}`);
  return `{${entries.join(",")}}`;
}

/** JSON text of an object with any keys, in the order of their UTF-8. */
export function entries<T>(values: Readonly<Record<string, T>>, write: (value: T) => string): string {
  const keys = Object.keys(values).sort(utf8Order);
  return `{${keys.map((key) => `${text(key)}:${write(values[key]!)}`).join(",")}}`;
}

/** Order of the bytes in UTF-8: that of the code points, which is not JavaScript's own beyond U+FFFF. */
export function utf8Order(left: string, right: string): number {
  const [a, b] = [Array.from(left), Array.from(right)];
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const difference = a[index]!.codePointAt(0)! - b[index]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
