//! The rule for names of executions and state machines.

use super::limits::NAME_CHARS_MAX;

/// Whether AWS would take this as the name of an execution or a state machine: 1–80 characters,
/// none of those listed in the API reference of `StartExecution`.
pub fn name_is_valid(name: &str) -> bool {
    // The length in characters needs a count only when the bytes leave it open.
    let length_is_valid = !name.is_empty()
        && (name.len() <= NAME_CHARS_MAX || name.chars().count() <= NAME_CHARS_MAX);
    length_is_valid
        && if name.is_ascii() {
            name.bytes().all(|byte| !FORBIDDEN_ASCII[usize::from(byte)])
        } else {
            name.chars().all(character_is_valid)
        }
}

fn character_is_valid(character: char) -> bool {
    match u32::from(character) {
        code @ 0..=0x7F => !FORBIDDEN_ASCII[code as usize],
        0x80..=0x9F | 0xFFFE | 0xFFFF | 0x0010_FFFF => false,
        _ => !character.is_whitespace(),
    }
}

const FORBIDDEN_ASCII: [bool; 128] = {
    let mut table = [false; 128];
    let mut code = 0;
    while code <= 0x20 {
        table[code] = true;
        code += 1;
    }
    table[0x7F] = true;
    let forbidden = b"<>{}[]?*\"#%\\^|~`$&,;:/";
    let mut index = 0;
    while index < forbidden.len() {
        table[forbidden[index] as usize] = true;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_api_reference() {
        for good in ["a", "order-1_2.3=@!'()+", "größe", &"x".repeat(80), &"é".repeat(80)] {
            assert!(name_is_valid(good), "{good}");
        }
        for bad in [
            "",
            "a b",
            "a\tb",
            "a:b",
            "a/b",
            "a\"b",
            "a\\b",
            "<",
            ">",
            "{",
            "}",
            "[",
            "]",
            "?",
            "*",
            "#",
            "%",
            "^",
            "|",
            "~",
            "`",
            "$",
            "&",
            ",",
            ";",
            "\u{7f}",
            "\u{85}",
            "\u{a0}",
            "\u{fffe}",
            "\u{ffff}",
            "\u{10ffff}",
            &"x".repeat(81),
            &"é".repeat(81),
        ] {
            assert!(!name_is_valid(bad), "{bad:?}");
        }
    }
}
