//! The words that people read, compare and write down.

/// The English word list of BIP-39: 2,048 words that differ within their first four letters.
static WORD_LIST: &str = include_str!("words.txt");

/// Every word, by its number.
pub(crate) fn words() -> Vec<&'static str> {
    WORD_LIST.lines().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_word_list_is_whole() {
        let list = words();
        assert_eq!((list.iter().collect::<BTreeSet<_>>().len(), list.len()), (2_048, 2_048));
        let beginnings: BTreeSet<String> = list.iter().map(|word| word.chars().take(4).collect()).collect();
        assert_eq!(beginnings.len(), 2_048, "four letters tell them apart");
        assert!(list.is_sorted());
    }
}
