//! Whether what some lost can have become what others gained.

/// The most that can go from those who lost to those who gained, through anybody's hands, where
/// `limits[from][to]` is what may go from one to another: a maximum flow by augmenting paths.
pub fn largest(losses: &[u64], gains: &[u64], limits: &[Vec<u64>]) -> u64 {
    let count = losses.len();
    let (source, sink) = (count, count + 1);
    let mut left = vec![vec![0; count + 2]; count + 2];
    for (from, row) in limits.iter().enumerate() {
        left[from][..count].copy_from_slice(row);
        left[source][from] = losses[from];
        left[from][sink] = gains[from];
    }
    let mut total = 0;
    while let Some(path) = path(&left, source, sink) {
        let steps = || path.windows(2).map(|step| (step[0], step[1]));
        let amount = steps().map(|(from, to)| left[from][to]).min().unwrap_or_default();
        for (from, to) in steps() {
            left[from][to] -= amount;
            left[to][from] = left[to][from].saturating_add(amount);
        }
        total += amount;
    }
    total
}

/// A shortest way along which something may still go.
fn path(left: &[Vec<u64>], source: usize, sink: usize) -> Option<Vec<usize>> {
    let mut paths = std::collections::VecDeque::from([vec![source]]);
    let mut seen = vec![false; left.len()];
    seen[source] = true;
    while let Some(path) = paths.pop_front() {
        let last = *path.last()?;
        if last == sink {
            return Some(path);
        }
        for (next, seen) in seen.iter_mut().enumerate() {
            if !*seen && left[last][next] > 0 {
                *seen = true;
                paths.push_back(path.iter().copied().chain([next]).collect());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::largest;

    const ALL: u64 = u64::MAX;

    #[test]
    fn what_may_not_go_from_one_to_the_other_does_not() {
        assert_eq!(largest(&[7, 0], &[0, 7], &[vec![0, ALL], vec![0, 0]]), 7);
        assert_eq!(largest(&[7, 0], &[0, 7], &[vec![0, 6], vec![0, 0]]), 6);
        assert_eq!(largest(&[7, 0], &[0, 7], &[vec![0, 0], vec![ALL, 0]]), 0);
    }

    #[test]
    fn it_may_go_through_the_hands_of_somebody_who_has_as_much_as_before() {
        let limits = [vec![0, 5, 0], vec![0, 0, ALL], vec![0, 0, 0]];
        assert_eq!(largest(&[5, 0, 0], &[0, 0, 5], &limits), 5);
    }

    #[test]
    fn the_first_way_found_does_not_bar_the_rest() {
        // The first may pay either, the second only the first of both.
        let limits = [vec![0, 0, ALL, ALL], vec![0, 0, ALL, 0], vec![0; 4], vec![0; 4]];
        assert_eq!(largest(&[4, 4, 0, 0], &[0, 0, 4, 4], &limits), 8);
    }
}
