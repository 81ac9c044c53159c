// Answers on loopback as an orchestrator would; what it does not expect, fails the test.
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Answer {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly body?: string;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Uint8Array;
}

export class FakeOrchestrator {
  readonly requests: Asked[] = [];

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** Gives each answer once, in this order. */
  static async start(answers: readonly Answer[]): Promise<FakeOrchestrator> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const fake = new FakeOrchestrator(server, `http://127.0.0.1:${port}`);
    const left = [...answers];
    server.on("request", async (request, response) => {
      const asked = await read(request);
      fake.requests.push(asked);
      const answer = left.shift();
      const expected = answer?.method === asked.method && answer.path === asked.path;
      response.writeHead(expected ? answer.status : 599, { "content-type": "application/json" });
      response.end(expected ? answer.body : `${asked.method} ${asked.path} was not expected`);
    });
    return fake;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function read(request: IncomingMessage): Promise<Asked> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  const { method, url, headers } = request;
  return { method: method!, path: url!, authorization: headers.authorization, body: Buffer.concat(chunks) };
}
