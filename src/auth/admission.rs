//! The admission filter of the token cache: a token is admitted when it is seen for the second time.

/// Places in a group.
const GROUP: usize = 4;

/// Hashes of what was seen once, lately. It is set-associative: the hash decides on a group, chance on
/// a place in it, as otherwise tokens that come in turns could push each other out for ever. Of a hash
/// one half is kept, which takes fewer cache lines; one in a thousand million is mistaken for another.
pub struct AdmissionFilter {
    groups: Box<[[u32; GROUP]]>,
    chance: u64,
}

impl AdmissionFilter {
    /// Room for `count` hashes, or a few more.
    pub fn new(count: usize) -> Self {
        let groups = vec![[0; GROUP]; count.div_ceil(GROUP)].into_boxed_slice();
        Self { groups, chance: 0 }
    }

    /// Whether `hash` was seen, as far as is remembered.
    pub fn contains(&self, hash: u64) -> bool {
        self.groups.get(self.group(hash)).is_some_and(|group| group.contains(&half(hash)))
    }

    /// Remembers `hash` in the place of another.
    pub fn remember(&mut self, hash: u64) {
        // Knuth's MMIX generator; its upper bits are the best.
        self.chance =
            self.chance.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let (group, place) = (self.group(hash), (self.chance >> 62) as usize);
        let group = self.groups.get_mut(group);
        if let Some(place) = group.and_then(|group| group.get_mut(place)) {
            *place = half(hash);
        }
    }

    fn group(&self, hash: u64) -> usize {
        (hash as usize).checked_rem(self.groups.len()).unwrap_or_default()
    }

    /// How much memory it takes, in bytes.
    pub fn size(&self) -> usize {
        size_of_val(&*self.groups)
    }
}

fn half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes are spread over all of their bits.
    fn hash(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn recognized_the_second_time() {
        let mut filter = AdmissionFilter::new(512);
        for number in 1..=20_000 {
            assert!(!filter.contains(hash(number)));
            filter.remember(hash(number));
            assert!(filter.contains(hash(number)));
        }
        let late = (19_900..=20_000).filter(|number| filter.contains(hash(*number))).count();
        assert!(late > 50, "{late} of the last hundred");
    }

    #[test]
    fn no_order_of_tokens_keeps_one_out() {
        for (count, places) in [(2, 1), (5, 4), (9, 8), (300, 512)] {
            let mut filter = AdmissionFilter::new(places);
            let mut waiting: Vec<u64> = (1..=count).map(hash).collect();
            let mut rounds = 0;
            while !waiting.is_empty() {
                waiting.retain(|hash| {
                    let seen = filter.contains(*hash);
                    if !seen {
                        filter.remember(*hash);
                    }
                    !seen
                });
                rounds += 1;
                assert!(rounds < 50, "{} of {count} are left in {places} places", waiting.len());
            }
        }
    }
}
