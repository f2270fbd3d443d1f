//! Letters of the languages that people write here, for searching and for sorting: `Ələkbər` is found by `elekber`, and stands
//! after `Elçin`.
//!
//! One character becomes one character, so that a position in the folded text is a position in the text.

use std::cmp::Ordering;

/// A letter in lower case and without its marks. What is no such letter stays.
pub fn fold(letter: char) -> char {
    let lower = letter.to_lowercase().next().unwrap_or(letter);
    match lower {
        'ə' | 'é' | 'è' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ı' | 'í' | 'ì' | 'î' | 'ï' | 'ī' | 'į' => 'i',
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'ā' | 'ą' | 'ă' => 'a',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ø' | 'ō' | 'ő' => 'o',
        'ú' | 'ù' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ç' | 'ć' | 'č' => 'c',
        'ğ' | 'ģ' => 'g',
        'ş' | 'ś' | 'š' | 'ș' => 's',
        'ţ' | 'ț' | 'ť' => 't',
        'ñ' | 'ń' | 'ň' => 'n',
        'ž' | 'ź' | 'ż' => 'z',
        'ý' | 'ÿ' => 'y',
        'ł' => 'l',
        'ř' => 'r',
        'đ' | 'ď' => 'd',
        'ё' => 'е',
        other => other,
    }
}

/// A text with every letter folded.
pub fn folded(text: &str) -> String {
    text.chars().map(fold).collect()
}

/// Every letter up to the end of Cyrillic that folding changes beyond ASCII, and what it becomes, in the same order: for a database
/// that folds in lower case and then letter by letter.
pub fn folded_letters() -> (String, String) {
    ('\u{c0}'..='\u{4ff}').map(|letter| (letter, fold(letter))).filter(|(letter, folded)| letter != folded).unzip()
}

/// The order of two texts in a list: by letters first, then by their marks and case. Digits that stand together count as one
/// number, so that `Group 9` comes before `Group 10`.
pub fn compare(left: &str, right: &str) -> Ordering {
    by_letters(left, right).then_with(|| left.to_lowercase().cmp(&right.to_lowercase())).then_with(|| left.cmp(right))
}

fn by_letters(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.chars().peekable(), right.chars().peekable());
    loop {
        let (Some(one), Some(other)) = (left.peek().copied(), right.peek().copied()) else {
            return left.peek().is_some().cmp(&right.peek().is_some());
        };
        let order = if one.is_ascii_digit() && other.is_ascii_digit() {
            number(&mut left).cmp(&number(&mut right))
        } else {
            left.next();
            right.next();
            fold(one).cmp(&fold(other))
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Takes the digits that come next. Their count without leading zeros decides first, so that no number is too long.
fn number(text: &mut std::iter::Peekable<std::str::Chars<'_>>) -> (usize, String) {
    let mut digits = String::new();
    while let Some(digit) = text.next_if(char::is_ascii_digit) {
        if !(digits.is_empty() && digit == '0') {
            digits.push(digit);
        }
    }
    (digits.len(), digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_without_its_marks() {
        for (text, plain) in [("Şəhər", "seher"), ("ÇIXIŞ", "cixis"), ("İlqar", "ilqar"), ("Ещё", "еще"), ("Müəllim", "muellim")]
        {
            assert_eq!(folded(text), plain);
            assert_eq!(text.chars().count(), plain.chars().count());
        }
    }

    #[test]
    fn names_stand_in_the_order_of_their_letters() {
        let mut names = vec!["Zaur", "Əli", "Elçin", "Şəbnəm", "Sara", "Çinarə", "Cavid", "ömər", "Omar", "Елена", "Ёлка", "Яна"];
        names.sort_by(|left, right| compare(left, right));
        assert_eq!(names, ["Cavid", "Çinarə", "Elçin", "Əli", "Omar", "ömər", "Sara", "Şəbnəm", "Zaur", "Елена", "Ёлка", "Яна"]);
    }

    #[test]
    fn numbers_in_text_count_as_numbers() {
        let mut groups = vec!["Group 10", "Group 9", "Group", "Group 09b", "Group 100"];
        groups.sort_by(|left, right| compare(left, right));
        assert_eq!(groups, ["Group", "Group 9", "Group 09b", "Group 10", "Group 100"]);
    }

    #[test]
    fn only_equal_texts_are_equal() {
        for (left, right) in [("a", "A"), ("e", "ə"), ("07", "7"), ("", "0")] {
            assert_ne!(compare(left, right), Ordering::Equal, "{left} {right}");
            assert_eq!(compare(left, right), compare(right, left).reverse());
        }
    }
}
