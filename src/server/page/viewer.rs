//! The person who looks at a list, and what a page offers them: what they may not do is not there.

use crate::http::{Query, target};
use crate::server::page::error_page::login_link;
use crate::server::page::html::marked;
use crate::store::{Meta, Name};

/// What is known of an entry by its name and by whether it is a directory.
pub type OfEntry<'a, T> = &'a dyn Fn(&[u8], bool) -> T;

/// A person with a browser, and what they may do: what they may not is not offered.
pub struct Viewer<'a> {
    /// The request target, from which relative links are made.
    pub target: &'a [u8],
    /// Whether globs of the query select from the list.
    pub is_filtered: bool,
    /// The name under which they are logged in.
    pub user: Option<&'a [u8]>,
    /// Whether a login could show or allow more.
    pub may_log_in: bool,
    /// What they may do with anything in the directory: verbs of access rules.
    pub may: &'a str,
    /// What they may do with one entry, where that is not the same for all.
    pub may_with: Option<OfEntry<'a, String>>,
    /// The metadata of an entry. The list itself is read without, so that the first rows come before it is read for all.
    pub meta_of: OfEntry<'a, Option<Meta>>,
}

impl Viewer<'_> {
    /// Returns whether they may do this with something in the directory.
    pub fn may_do(&self, verb: &str) -> bool {
        self.may.split(' ').any(|may| may == verb)
    }

    /// Formats the link to log in, or the user's name and the link to log out.
    pub fn account(&self, directory: &Name, root: &str) -> String {
        match self.user {
            Some(user) => format!(
                "<p id=\"account\"><span>{}</span> <a href=\"{root}?logout\">Log out</a>\n",
                marked(user)
            ),
            None if self.may_log_in => {
                let path = target::encode(directory.components(), true, &Query::default());
                format!("<p id=\"account\"><a href=\"{}\">Log in</a>\n", login_link(root, &path))
            }
            None => String::new(),
        }
    }

    /// Returns a form that works without a script, too: the server counts the word in every file beneath.
    pub fn search_form(&self) -> &'static str {
        match self.may_do("read") {
            true => {
                "<search><form id=\"search\"><label for=\"word\">Search names and contents</label>\n\
                 <input id=\"word\" type=\"search\" name=\"search\" required autocomplete=\"off\">\
                 <button>Search</button></form></search>\n"
            }
            false => "",
        }
    }
}
