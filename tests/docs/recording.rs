//! The recording in docs/pictures: the commands that its second terminal shows, and the lines below each. It knows how the
//! script there draws them, not what they mean.

/// A command, and the lines that the terminal shows below it.
pub type Shown = (String, Vec<String>);

/// The commands of the terminal with this title, in order.
pub fn commands(picture: &str, title: &str) -> Vec<Shown> {
    let terminal = picture.split_once(&format!(">{title}</text>")).unwrap().1;
    let terminal = terminal.split("class=\"title\"").next().unwrap();
    let mut commands: Vec<Shown> = Vec::new();
    for element in terminal.lines().filter(|line| line.starts_with("<text ")) {
        let text = element.split_once('>').unwrap().1.strip_suffix("</text>").unwrap();
        let text = unescaped(text);
        if element.contains("typed") {
            commands.push((text, Vec::new()));
        } else if let Some((_, below)) = commands.last_mut().filter(|_| text != "$") {
            below.push(text);
        }
    }
    commands
}

fn unescaped(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    plain.replace("&#x27;", "'").replace("&amp;", "&")
}
