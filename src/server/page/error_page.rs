//! An error as an HTML page, for a person whose browser followed a link: what is wrong, and the ways back.

use crate::http::head;
use crate::server::page::html::{document_head, escaped, root_of};

/// Returns the page of an error: its status, its line, and the target of the request.
pub fn error_page(status: u16, line: &str, target: &[u8]) -> String {
    let (root, reason) = (root_of(target), head::reason(status));
    let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
    // Of a directory the one above, of a file the one it is in.
    let back = if path.ends_with(b"/") && path.len() > 1 { "../" } else { "./" };
    let mut ways = format!("<li><a href=\"{back}\">Back to the directory</a>\n");
    if root != back {
        ways += &format!("<li><a href=\"{root}\">All files</a>\n");
    }
    if matches!(status, 401 | 403) {
        ways += &format!("<li><a href=\"{}\">Log in</a>\n", login_link(&root, path));
    }
    format!(
        "{}<main class=\"error\">\n<h1><span>{status}</span> {reason}</h1>\n<p>{}\n<ul>\n{ways}</ul>\n</main>\n",
        document_head(format!("{status} {reason}").as_bytes(), &root),
        escaped(line.as_bytes()),
    )
}

/// Returns the link that asks for a name and a password, and comes back to a path. It is one of the root: browsers send what they
/// were told there with every request beneath (RFC 7617 §2.2).
pub fn login_link(root: &str, path: &[u8]) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
    format!("{root}?login={}", percent_encode(path, NON_ALPHANUMERIC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_page_has_ways_back_and_no_markup_of_others() {
        let page = error_page(404, "/d/<b>: is not there", b"/d/%3Cb%3E");
        assert!(page.contains("<p>/d/&lt;b&gt;: is not there\n"), "{page}");
        assert!(page.contains("<a href=\"./\">Back to the directory</a>"), "{page}");
        assert!(page.contains("<a href=\"../\">All files</a>") && !page.contains("Log in"), "{page}");
        assert!(error_page(404, "x", b"/d/e/").contains("<a href=\"../\">Back"));
        assert!(error_page(401, "x", b"/d/a?b").contains("<a href=\"../?login=%2Fd%2Fa\">Log in</a>"));
    }
}
