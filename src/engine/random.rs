//! Named random streams: one per (seed, entity, purpose), independent of each other.
//!
//! Whoever needs chance opens a stream under its own name and draws from that alone. So adding a consumer or a fault
//! never shifts another's draws, and two settings compared under one seed meet the same misfortunes.
//!
//! Everything about the numbers is fixed for good: the generator (ChaCha with 8 rounds), how a name becomes its key, and
//! how bits become numbers. Tests below hold the values.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// A stream of random numbers under a name.
///
/// ```
/// use rebalab::engine::RandomStream;
///
/// let mut latency = RandomStream::new(1, "worker-2", "latency");
/// let mut again = RandomStream::new(1, "worker-2", "latency");
/// let mut other = RandomStream::new(1, "worker-3", "latency");
/// let first = latency.next_u64();
/// assert_eq!(first, again.next_u64());
/// assert_ne!(first, other.next_u64());
/// ```
#[derive(Clone, Debug)]
pub struct RandomStream {
    generator: Generator,
}

#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "streams live long; a short one is made on the stack, where size is free"
)]
enum Generator {
    /// Of a named stream.
    ChaCha(ChaCha8Rng),
    /// Of a keyed stream: the state of SplitMix64.
    SplitMix(u64),
}

impl RandomStream {
    /// Opens the stream of `entity` for `purpose` under `seed`, at its beginning. Costs two hashes of the name; numbers
    /// are made in blocks when the first is drawn.
    ///
    /// ```
    /// use rebalab::engine::RandomStream;
    /// let mut stream = RandomStream::new(1, "fault-0", "gaps");
    /// assert!(stream.next_f64() < 1.0);
    /// ```
    pub fn new(seed: u64, entity: &str, purpose: &str) -> Self {
        let mut name = Vec::with_capacity(16 + entity.len() + purpose.len());
        name.extend_from_slice(&seed.to_le_bytes());
        // The length keeps ("ab", "c") apart from ("a", "bc").
        name.extend_from_slice(&(entity.len() as u64).to_le_bytes());
        name.extend_from_slice(entity.as_bytes());
        name.extend_from_slice(purpose.as_bytes());
        let mut key = [0; 32];
        key[..16].copy_from_slice(&xxh3_128_with_seed(&name, 0).to_le_bytes());
        key[16..].copy_from_slice(&xxh3_128_with_seed(&name, 1).to_le_bytes());
        RandomStream { generator: Generator::ChaCha(ChaCha8Rng::from_seed(key)) }
    }

    /// A short stream for one thing among millions (the work on one record): a few draws that depend on `key` alone
    /// (SplitMix64). Costs nothing to open. The key should come from a named stream or a hash.
    ///
    /// ```
    /// # use rebalab::engine::RandomStream;
    /// assert_eq!(RandomStream::of_key(7).next_u64(), RandomStream::of_key(7).next_u64());
    /// assert_ne!(RandomStream::of_key(7).next_u64(), RandomStream::of_key(8).next_u64());
    /// ```
    pub fn of_key(key: u64) -> Self {
        RandomStream { generator: Generator::SplitMix(key) }
    }

    /// 64 random bits.
    ///
    /// ```
    /// # use rebalab::engine::RandomStream;
    /// let mut stream = RandomStream::new(1, "worker-0", "member id");
    /// assert_ne!(stream.next_u64(), stream.next_u64());
    /// ```
    pub fn next_u64(&mut self) -> u64 {
        match &mut self.generator {
            Generator::ChaCha(generator) => generator.next_u64(),
            Generator::SplitMix(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut bits = *state;
                bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                bits ^ (bits >> 31)
            }
        }
    }

    /// A number from 0 (included) to 1 (not included), in steps of 2⁻⁵³.
    ///
    /// ```
    /// # use rebalab::engine::RandomStream;
    /// let mut stream = RandomStream::new(1, "worker-0", "phase");
    /// let share = stream.next_f64();
    /// assert!((0.0..1.0).contains(&share));
    /// ```
    pub fn next_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * UNIT_53
    }

    /// A number between 0 and 1, neither included: the middles of 2⁵² equal steps. For quantile functions that are
    /// infinite at the ends; as many values lie below one half as above.
    ///
    /// ```
    /// # use rebalab::engine::RandomStream;
    /// let mut stream = RandomStream::new(1, "worker-0", "latency");
    /// let share = stream.next_open_f64();
    /// assert!(share > 0.0 && share < 1.0);
    /// ```
    pub fn next_open_f64(&mut self) -> f64 {
        ((self.next_u64() >> 12) as f64 + 0.5) * UNIT_52
    }

    /// A whole number from 0 up to `bound` (not included), each equally likely.
    ///
    /// # Panics
    /// If `bound` is 0.
    ///
    /// ```
    /// # use rebalab::engine::RandomStream;
    /// let mut stream = RandomStream::new(1, "faults", "victim");
    /// assert!(stream.below(6) < 6);
    /// ```
    #[inline(always)]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        // The high half of a product of 64 × 64 bits; the few products that would favour some results are drawn again
        // (Lemire, "Fast Random Integer Generation in an Interval").
        let product = u128::from(self.next_u64()) * u128::from(bound);
        if (product as u64) < bound { self.below_fairly(bound, product) } else { (product >> 64) as u64 }
    }

    /// The same with a product that may have to be drawn again.
    #[cold]
    #[inline(never)]
    fn below_fairly(&mut self, bound: u64, mut product: u128) -> u64 {
        let unfair = bound.wrapping_neg() % bound;
        while (product as u64) < unfair {
            product = u128::from(self.next_u64()) * u128::from(bound);
        }
        (product >> 64) as u64
    }

    /// A whole number from `from` to `to`, both included, each equally likely.
    ///
    /// # Panics
    /// If `to` is less than `from`.
    ///
    /// ```
    /// # use rebalab::engine::RandomStream;
    /// let mut dice = RandomStream::new(1, "dice", "throw");
    /// assert!((1..=6).contains(&dice.between(1, 6)));
    /// ```
    #[inline(always)]
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        assert!(from <= to, "there is no number from {from} to {to}");
        match (to - from).checked_add(1) {
            Some(count) => from + self.below(count),
            None => self.next_u64(),
        }
    }

    /// True with this probability. Takes one draw whatever the probability, so that a changed one shifts nothing.
    ///
    /// ```
    /// # use rebalab::engine::RandomStream;
    /// let mut stream = RandomStream::new(1, "worker-0", "loss");
    /// assert!(!stream.chance(0.0));
    /// assert!(stream.chance(1.0));
    /// ```
    pub fn chance(&mut self, probability: f64) -> bool {
        self.next_f64() < probability
    }
}

const UNIT_53: f64 = 1.0 / (1u64 << 53) as f64;
const UNIT_52: f64 = 1.0 / (1u64 << 52) as f64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_a_stream_are_fixed_for_good() {
        let mut stream = RandomStream::new(1, "worker-2", "latency");
        let drawn: Vec<u64> = (0..4).map(|_| stream.next_u64()).collect();
        assert_eq!(
            drawn,
            [
                18_283_426_774_303_935_307,
                1_526_552_391_593_506_817,
                2_270_786_449_821_280_490,
                11_172_850_527_045_022_444
            ]
        );
        assert_eq!(stream.next_f64().to_bits(), 4_605_528_809_885_665_537);
        assert_eq!(stream.next_open_f64().to_bits(), 4_598_954_290_999_165_342);
        assert_eq!(stream.below(1_000_000), 168_994);
    }

    #[test]
    fn every_part_of_the_name_makes_another_stream() {
        let first = |seed, entity, purpose| RandomStream::new(seed, entity, purpose).next_u64();
        let all = [
            first(1, "a", "bc"),
            first(2, "a", "bc"),
            first(1, "ab", "c"),
            first(1, "abc", ""),
            first(1, "", "abc"),
            first(1, "a", "bd"),
        ];
        for (index, value) in all.iter().enumerate() {
            assert!(!all[..index].contains(value), "streams {index} and an earlier one are the same");
        }
    }

    #[test]
    fn shares_are_even_over_their_interval() {
        let mut stream = RandomStream::new(7, "test", "shares");
        let mut tenths = [0u32; 10];
        for _ in 0..100_000 {
            tenths[(stream.next_f64() * 10.0) as usize] += 1;
        }
        // Standard deviation of a count is 95: six of them.
        assert!(tenths.iter().all(|&count| (9_430..=10_570).contains(&count)), "{tenths:?}");
    }

    #[test]
    fn whole_numbers_are_equally_likely_also_when_they_do_not_divide_the_range() {
        let mut stream = RandomStream::new(7, "test", "numbers");
        // With 3 × 2⁶² values in two halves a plain remainder would favour the lower third by two to one.
        let bound = 3 << 62;
        let low = (0..100_000).filter(|_| stream.below(bound) < bound / 3).count();
        assert!((32_400..=34_300).contains(&low), "{low} of 100,000 in the lower third");
    }

    #[test]
    fn bounds_of_a_range_are_reached_and_kept() {
        let mut stream = RandomStream::new(7, "test", "range");
        let drawn: Vec<u64> = (0..1_000).map(|_| stream.between(3, 5)).collect();
        assert_eq!(drawn.iter().min(), Some(&3));
        assert_eq!(drawn.iter().max(), Some(&5));
        assert_eq!(stream.between(9, 9), 9);
        stream.between(0, u64::MAX);
    }
}
