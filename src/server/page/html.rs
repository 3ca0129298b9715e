//! Text as HTML: bytes escaped so that no name is markup, and characters that a reader cannot see shown by their bytes.

use crate::error::is_control;

/// The name of a page's own stylesheet, script and icon, relative to the root: see `files`.
pub const FILES_AT: &str = ".cfpd/page/";

/// Escapes bytes as text for an element or an attribute. What a reader cannot see is shown as `\xNN`.
pub fn escaped(bytes: &[u8]) -> String {
    escape(bytes, ["", ""])
}

/// Escapes bytes as text, with each run of bytes that a reader could not see in an element of its own.
pub fn marked(bytes: &[u8]) -> String {
    escape(bytes, ["<i>", "</i>"])
}

/// Returns the relative URL of the root from the page at this request target: browsers resolve it by the slashes of the path, so it
/// is right beneath a prefix too.
pub fn root_of(target: &[u8]) -> String {
    let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
    let path = match path.starts_with(b"/") {
        true => path,
        false => path.splitn(4, |&byte| byte == b'/').nth(3).unwrap_or_default(),
    };
    let depth = path.iter().filter(|&&byte| byte == b'/').count();
    if depth <= 1 { "./".to_owned() } else { "../".repeat(depth - 1) }
}

/// Returns the beginning of a document. Everything it loads is a file of the daemon's own.
pub fn document_head(title: &[u8], root: &str) -> String {
    let (title, files) = (escaped(title), format!("{root}{FILES_AT}"));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"{files}icon.svg\">\n\
         <link rel=\"stylesheet\" href=\"{files}style.css\">\n"
    )
}

fn escape(bytes: &[u8], [open, close]: [&str; 2]) -> String {
    let (mut text, mut in_mark) = (String::with_capacity(bytes.len()), false);
    let mut mark = |text: &mut String, is_mark: bool| {
        if in_mark != is_mark {
            *text += if is_mark { open } else { close };
            in_mark = is_mark;
        }
    };
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            mark(&mut text, is_invisible(char));
            match char {
                '<' => text += "&lt;",
                '>' => text += "&gt;",
                '&' => text += "&amp;",
                '"' => text += "&quot;",
                char if is_invisible(char) => {
                    char.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| text += &format!("\\x{byte:02x}"));
                }
                char => text.push(char),
            }
        }
        if !chunk.invalid().is_empty() {
            mark(&mut text, true);
            chunk.invalid().iter().for_each(|byte| text += &format!("\\x{byte:02x}"));
        }
    }
    mark(&mut text, false);
    text
}

/// Returns whether a browser shows nothing for a character, or space that looks like a common one: control characters, format
/// characters (bidirectional, zero-width), variation selectors, fillers (`Default_Ignorable_Code_Point` of UAX 44), and
/// spaces other than U+0020 and U+3000.
fn is_invisible(char: char) -> bool {
    is_control(char)
        || matches!(char,
            '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{115f}'..='\u{1160}'
            | '\u{1680}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}'
            | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_and_what_cannot_be_seen_is_marked() {
        let rows: [(&[u8], &str); 7] = [
            (b"a b", "a b"),
            (b"<b>\"&", "&lt;b&gt;&quot;&amp;"),
            ("a\u{202e}b".as_bytes(), "a<i>\\xe2\\x80\\xae</i>b"),
            ("\u{200b}\u{feff}".as_bytes(), "<i>\\xe2\\x80\\x8b\\xef\\xbb\\xbf</i>"),
            (b"\xff\n<", "<i>\\xff\\x0a</i>&lt;"),
            ("é\u{5d0}".as_bytes(), "é\u{5d0}"),
            (b"", ""),
        ];
        for (name, html) in rows {
            assert_eq!(marked(name), html);
            assert_eq!(escaped(name), html.replace("<i>", "").replace("</i>", ""));
        }
    }

    #[test]
    fn the_root_is_found_by_the_slashes_of_the_target() {
        let rows: [(&[u8], &str); 8] = [
            (b"/", "./"),
            (b"/f", "./"),
            (b"/d/", "../"),
            (b"/d/f?x=/a/b/c", "../"),
            (b"//d/f", "../../"),
            (b"/d/%2F/", "../../"),
            (b"http://h/d/f", "./"),
            (b"http://h", "./"),
        ];
        for (target, root) in rows {
            assert_eq!(root_of(target), root, "{}", String::from_utf8_lossy(target));
        }
    }
}
