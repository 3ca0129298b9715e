//! The links of the Markdown pages: each leads to a file of the project, and to a heading that is in it.

use std::fs;
use std::path::Path;

/// The heading of a Markdown page as the part of a link behind its `#`.
fn anchor(heading: &str) -> String {
    let kept = |char: &char| char.is_alphanumeric() || "-_ ".contains(*char);
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_a_heading_of_it() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [top.to_owned(), top.join("docs")];
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let pages: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension() == Some("md".as_ref()))
        .collect();
    let mut followed = 0;
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            assert!(target.exists(), "{}: {link}", page.display());
            let has =
                |text: String| text.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
            assert!(
                heading.is_empty() || has(fs::read_to_string(&target).unwrap()),
                "{}: {link}",
                page.display()
            );
            followed += 1;
        }
    }
    assert!(followed > 20, "{followed}");
}
