/// The greatest number up to `limit` that fits, where whatever is less than one that fits does, too; zero always does.
pub(crate) fn greatest(limit: u64, fits: impl Fn(u64) -> bool) -> u64 {
    let (mut fitting, mut exceeding) = (0, limit.saturating_add(1));
    while exceeding - fitting > 1 {
        let middle = fitting + (exceeding - fitting) / 2;
        if fits(middle) { fitting = middle } else { exceeding = middle }
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_that_fits_is_found_wherever_it_is() {
        for limit in 0..20 {
            for most in 0..25 {
                assert_eq!(greatest(limit, |number| number <= most), most.min(limit), "{limit} {most}");
            }
        }
    }
}
