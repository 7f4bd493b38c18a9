//! The knee of a trade-off: from where on one figure costs much of the other.

/// Index of the knee of a curve through points (x, y): the point farthest below the straight line between the two ends,
/// when both figures are scaled to their range (Satopaa et al., "Finding a 'Kneedle' in a Haystack", 2011). Both figures
/// are better when smaller. `None` if no point lies below that line, or the curve has no extent.
///
/// ```
/// use rebalab::experiment::sweep::knee;
/// assert_eq!(knee(&[(0.0, 10.0), (1.0, 2.0), (5.0, 1.0), (10.0, 0.0)]), Some(1));
/// assert_eq!(knee(&[(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)]), None);
/// ```
pub fn knee(points: &[(f64, f64)]) -> Option<usize> {
    let (first, last) = (points.first()?, points.last()?);
    let (from, to) = if first.0 <= last.0 { (first, last) } else { (last, first) };
    if from.0 == to.0 || from.1 <= to.1 {
        return None; // One end is as good in both: nothing is traded.
    }
    // Shares of the way from one end to the other: on the straight line both are equal, below it y has fallen further.
    let depth = |(x, y): &(f64, f64)| (from.1 - y) / (from.1 - to.1) - (x - from.0) / (to.0 - from.0);
    let deepest = points.iter().map(depth).enumerate().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
    const ROUNDING: f64 = 1e-9;
    (deepest.1 > ROUNDING).then_some(deepest.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_knee_of_a_hyperbola_is_its_corner() {
        let curve: Vec<_> = (1..=20).map(f64::from).map(|x| (x, 20.0 / x)).collect();
        // Farthest from the chord where x / 20 = 1 / x.
        assert_eq!(knee(&curve).map(|index| index + 1), Some(4));
    }

    #[test]
    fn the_direction_of_the_curve_makes_no_difference() {
        let forwards = [(0.0, 10.0), (1.0, 2.0), (5.0, 1.0), (10.0, 0.0)];
        let mut backwards = forwards;
        backwards.reverse();
        assert_eq!(knee(&backwards), Some(2));
    }

    #[test]
    fn curves_without_a_trade_off_have_no_knee() {
        assert_eq!(knee(&[]), None);
        assert_eq!(knee(&[(1.0, 1.0)]), None);
        assert_eq!(knee(&[(1.0, 3.0), (1.0, 2.0), (1.0, 1.0)]), None);
        // Bulging upwards: every step on the way costs more than the ends.
        assert_eq!(knee(&[(0.0, 10.0), (9.0, 9.0), (10.0, 0.0)]), None);
    }
}
