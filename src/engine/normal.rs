//! The quantile function of the normal distribution, with the same bits on every platform.
//!
//! Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988), routine
//! PPND16: about 16 digits. It takes one draw per value and grows with it, so that of two lognormal settings compared
//! under one seed the longer one is longer in every single draw.

/// The value that a standard normal variable stays below with probability `p`.
///
/// # Panics
/// If `p` is not between 0 and 1 (neither included): the quantiles there are infinite.
pub(crate) fn quantile(p: f64) -> f64 {
    assert!(p > 0.0 && p < 1.0, "a probability between 0 and 1, not {p}");
    let off_centre = p - 0.5;
    if off_centre.abs() <= 0.425 {
        return off_centre * ratio(&MIDDLE, 0.180625 - off_centre * off_centre);
    }
    let tail = if off_centre < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let distance = if r <= 5.0 { ratio(&NEAR_TAIL, r - 1.6) } else { ratio(&FAR_TAIL, r - 5.0) };
    if off_centre < 0.0 { -distance } else { distance }
}

/// The probability that a standard normal variable stays below `x`.
pub(crate) fn probability_below(x: f64) -> f64 {
    libm::erfc(-x / std::f64::consts::SQRT_2) / 2.0
}

/// Quotient of two polynomials.
fn ratio([numerator, denominator]: &[[f64; 8]; 2], x: f64) -> f64 {
    let polynomial = |terms: &[f64; 8]| terms.iter().rev().fold(0.0, |sum, term| sum * x + term);
    polynomial(numerator) / polynomial(denominator)
}

/// `|p - 1/2| <= 0.425`, in `0.180625 - (p - 1/2)²`: numerator and denominator, constant term first.
const MIDDLE: [[f64; 8]; 2] = [
    [
        3.3871328727963665,
        133.14166789178438,
        1971.5909503065513,
        13731.69376550946,
        45921.95393154987,
        67265.7709270087,
        33430.57558358813,
        2509.0809287301227,
    ],
    [
        1.0,
        42.31333070160091,
        687.1870074920579,
        5394.196021424751,
        21213.794301586597,
        39307.89580009271,
        28729.085735721943,
        5226.495278852854,
    ],
];
/// `r <= 5`, in `r - 1.6`: numerator and denominator, constant term first.
const NEAR_TAIL: [[f64; 8]; 2] = [
    [
        1.4234371107496835,
        4.630337846156546,
        5.769497221460691,
        3.6478483247632045,
        1.2704582524523684,
        0.2417807251774506,
        0.022723844989269184,
        0.0007745450142783414,
    ],
    [
        1.0,
        2.053191626637759,
        1.6763848301838038,
        0.6897673349851,
        0.14810397642748008,
        0.015198666563616457,
        0.0005475938084995345,
        1.0507500716444169e-09,
    ],
];
/// `r > 5`, in `r - 5`: numerator and denominator, constant term first.
const FAR_TAIL: [[f64; 8]; 2] = [
    [
        6.657904643501103,
        5.463784911164114,
        1.7848265399172913,
        0.29656057182850487,
        0.026532189526576124,
        0.0012426609473880784,
        2.7115555687434876e-05,
        2.0103343992922881e-07,
    ],
    [
        1.0,
        0.599832206555888,
        0.1369298809227358,
        0.014875361290850615,
        0.0007868691311456133,
        1.8463183175100548e-05,
        1.421511758316446e-07,
        2.0442631033899397e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_quantiles_are_met() {
        for (p, expected) in [
            (0.5, 0.0),
            (0.975, 1.959963984540054),
            (0.99, 2.3263478740408408),
            (0.999, 3.090232306167813),
            (1e-9, -5.997807015007686),
            (1e-20, -9.262340089798409),
        ] {
            assert!((quantile(p) - expected).abs() <= 1e-14 * f64::max(1.0, f64::abs(expected)), "quantile({p})");
        }
    }

    proptest! {
        #[test]
        fn the_quantile_is_the_inverse_of_the_probability(x in -8.0..5.0f64) {
            let p = probability_below(x);
            prop_assert!((quantile(p) - x).abs() < 1e-9, "{} from {}", quantile(p), x);
        }

        #[test]
        fn a_larger_probability_never_gives_a_smaller_value(a in 1e-12..1.0f64, b in 1e-12..1.0f64) {
            prop_assume!(a < b);
            prop_assert!(quantile(a) <= quantile(b));
        }
    }
}
