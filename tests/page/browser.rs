//! A browser that a test drives: WebDriver (W3C) over HTTP to chromedriver. One runs at a time, since each takes the work of
//! several processes. Facts that become true in time are waited for in the document itself.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::common::raw::{Raw, request, request_with};
use crate::common::{HANG, Sandbox, need};

/// What marks an element in an answer of WebDriver.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

static ONE: Mutex<()> = Mutex::new(());

/// A browser and its driver; both end when it is dropped.
pub struct Browser {
    driver: Child,
    raw: Raw,
    session: String,
    /// The server whose page it shows.
    pub url: String,
    without_scripts: bool,
    _only: MutexGuard<'static, ()>,
}

/// What a browser is started with.
#[derive(Clone, Copy, Default)]
pub struct Setup {
    pub without_scripts: bool,
    pub dark: bool,
    /// The name by which the browser calls the server, if it is not its address.
    pub host: Option<&'static str>,
}

impl Browser {
    /// A browser at a server; none where the machine has no browser.
    pub fn new(sandbox: &Sandbox) -> Option<Self> {
        Self::with(sandbox, Setup::default())
    }

    pub fn with(sandbox: &Sandbox, setup: Setup) -> Option<Self> {
        if !need::programs(&["chromium", "chromedriver"]) {
            return None;
        }
        let only = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        // Another program may take the port that it chose.
        let (driver, port) = (0..20).find_map(|_| start_driver(sandbox)).expect("chromedriver starts");
        let raw = Raw::connect(&format!("127.0.0.1:{port}"));
        let url = match setup.host {
            Some(host) => sandbox.url().replace("127.0.0.1", host),
            None => sandbox.url().to_owned(),
        };
        let (session, without_scripts) = (String::new(), setup.without_scripts);
        let mut browser = Browser { driver, raw, session, url, without_scripts, _only: only };
        // As root, as whom tests may run, it has no sandbox of its own.
        let mut arguments =
            vec!["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
        arguments.push("--lang=en-GB");
        let names = setup.host.map(|host| format!("--host-resolver-rules=MAP {host} 127.0.0.1"));
        arguments.extend(names.as_deref());
        arguments.extend(setup.dark.then_some("--blink-settings=preferredColorScheme=0"));
        let scripts = if setup.without_scripts { 2 } else { 1 };
        let options = json!({
            "args": arguments,
            "prefs": { "profile.managed_default_content_settings.javascript": scripts },
        });
        let wanted = json!({
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": 110_000 },
        });
        let answer = browser.send("POST", "/session", json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.session = format!("/session/{}", answer["sessionId"].as_str().unwrap());
        Some(browser)
    }

    /// Opens a path of the server, and waits until its page has put everything around the list.
    pub fn open(&mut self, path: &str) {
        self.go(path);
        self.until("document.documentElement.dataset.ready !== undefined");
    }

    /// Opens a path of the server, beneath its prefix, or a URL.
    pub fn go(&mut self, path: &str) {
        let url = if path.is_empty() || path.starts_with('/') {
            format!("{}{path}", self.url)
        } else {
            path.to_owned()
        };
        self.ask("/url", json!({ "url": url }));
    }

    /// Runs the body of a function in the document, and returns what it returns.
    pub fn run(&mut self, script: &str, arguments: Value) -> Value {
        self.ask("/execute/sync", json!({ "script": script, "args": arguments }))
    }

    /// The value of an expression in the document.
    pub fn value(&mut self, expression: &str) -> Value {
        self.run(&format!("return {expression}"), json!([]))
    }

    /// The same as text.
    pub fn text(&mut self, expression: &str) -> String {
        let value = self.value(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression}: {value}")).to_owned()
    }

    /// Waits until an expression is true in the document, and returns it. A document that another takes the place of is asked
    /// no more: the next one is.
    pub fn until(&mut self, expression: &str) -> Value {
        let found = match self.without_scripts {
            true => self.until_seen(expression),
            false => self.until_told(expression),
        };
        found.unwrap_or_else(|| {
            let body = self.text("document.body.outerHTML");
            panic!("never true: {expression}\n{body}\n{:?}", self.said());
        })
    }

    /// A document without scripts has no timers: it is asked again and again.
    fn until_seen(&mut self, expression: &str) -> Option<Value> {
        let script = json!({ "script": format!("return ({expression}) || null"), "args": [] });
        for _ in 0..HANG.as_millis() / 20 {
            match self.try_ask("/execute/sync", script.clone()) {
                Ok(Value::Null) | Err(_) => thread::sleep(Duration::from_millis(20)),
                Ok(value) => return Some(value),
            }
        }
        None
    }

    fn until_told(&mut self, expression: &str) -> Option<Value> {
        let script = format!(
            "const done = arguments[arguments.length - 1]
             const look = () => {{
               let value
               try {{ value = {expression} }} catch {{}}
               if (value) done(value); else setTimeout(look, 20)
             }}
             look()"
        );
        for _ in 0..100 {
            match self.try_ask("/execute/async", json!({ "script": script, "args": [] })) {
                Ok(value) => return Some(value),
                Err(why) if why["error"] == "script timeout" => break,
                Err(_) => {}
            }
        }
        None
    }

    /// Waits for an element that matches and is shown, and returns how WebDriver calls it.
    fn element(&mut self, css: &str) -> String {
        let script = format!("[...document.querySelectorAll({css:?})].find((one) => one.checkVisibility())");
        let found = self.until(&script);
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("{css}: {found}")).to_owned()
    }

    /// Clicks on an element as a hand does: what covers it is in the way.
    pub fn click(&mut self, css: &str) {
        let element = self.element(css);
        self.ask(&format!("/element/{element}/click"), json!({}));
    }

    /// Types text into an element, instead of what it has.
    pub fn fill(&mut self, css: &str, text: &str) {
        let element = self.element(css);
        self.ask(&format!("/element/{element}/clear"), json!({}));
        self.ask(&format!("/element/{element}/value"), json!({ "text": text }));
    }

    /// Types keys into whatever has the focus.
    pub fn keys(&mut self, keys: &[&str]) {
        let press = |key: &&str| {
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        };
        let actions: Vec<_> = keys.iter().flat_map(press).collect();
        self.ask("/actions", json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }));
    }

    /// Pastes from the clipboard into whatever has the focus.
    pub fn paste(&mut self) {
        let key = |kind: &str, value: &str| json!({ "type": kind, "value": value });
        let (control, v) = ("\u{e009}", "v");
        let actions = [key("keyDown", control), key("keyDown", v), key("keyUp", v), key("keyUp", control)];
        self.ask("/actions", json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }));
    }

    /// Chooses files in the field of this label.
    pub fn choose_files(&mut self, label: &str, paths: &[&Path]) {
        let script = format!("document.querySelector('input[type=file][aria-label={label:?}]')");
        let found = self.until(&script);
        let element = found[ELEMENT].as_str().unwrap().to_owned();
        let text: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
        self.ask(&format!("/element/{element}/value"), json!({ "text": text.join("\n") }));
    }

    /// Drags files over the page, or drops them: events of these kinds.
    pub fn drag_files(&mut self, kinds: &[&str], paths: &[&PathBuf]) {
        let data = json!({ "items": [], "files": paths, "dragOperationsMask": 1 });
        for kind in kinds {
            let event = json!({ "type": kind, "x": 200, "y": 200, "data": data });
            self.devtools("Input.dispatchDragEvent", event);
        }
    }

    /// A command of the DevTools protocol.
    pub fn devtools(&mut self, command: &str, parameters: Value) -> Value {
        self.ask("/goog/cdp/execute", json!({ "cmd": command, "params": parameters }))
    }

    /// Gives the page another size, in pixels of CSS.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", size);
    }

    /// Opens the panel of an entry, by the name it is shown by.
    pub fn open_panel(&mut self, name: &str) {
        let script = "const row = [...document.querySelectorAll('tbody tr')]
            .find((row) => row.querySelector('a').textContent === arguments[0])
            row.scrollIntoView({ block: 'center', behavior: 'instant' })
            return row.querySelector('a').getAttribute('href')";
        let href = self.run(script, json!([name]));
        let css = format!("tr:has(a[href={:?}]) button.more", href.as_str().unwrap());
        self.click(&css);
        // What the view loads moves what is below it.
        self.until(
            "document.querySelector('dialog#panel[open]')
             && !document.querySelector('#panel details[open] .view:empty')",
        );
    }

    /// Opens a part of the panel.
    pub fn open_part(&mut self, part: &str) {
        if self.value(&format!("document.querySelector('#panel details.{part}').open")) == false {
            self.click(&format!("#panel details.{part} > summary"));
        }
        self.until(&format!("document.querySelector('#panel details.{part}[open]')"));
    }

    /// What the page says to its reader, once it has said this.
    pub fn until_said(&mut self, text: &str) {
        self.until(&format!("document.getElementById('said').textContent.includes({text:?})"));
    }

    /// The names in the list, in their order.
    pub fn names(&mut self) -> Vec<String> {
        let names = self.value(
            "[...document.querySelectorAll('tbody tr')].map((row) => row.querySelector('a').textContent)",
        );
        names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    /// What the browser wrote to its console since the last time: a refusal by the content security policy, an error of a script.
    pub fn said(&mut self) -> Vec<String> {
        let log = self.ask("/se/log", json!({ "type": "browser" }));
        let lines = log.as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap().to_owned());
        lines.filter(|line| !line.contains("the server responded with a status of")).collect()
    }

    /// A picture of the page as it is in view: PNG.
    pub fn picture(&mut self) -> Vec<u8> {
        let session = self.session.clone();
        let text = self.send("GET", &format!("{session}/screenshot"), Value::Null);
        STANDARD.decode(text.as_str().unwrap()).unwrap()
    }

    fn ask(&mut self, path: &str, body: Value) -> Value {
        self.try_ask(path, body).unwrap_or_else(|why| panic!("{path}: {}", why["message"]))
    }

    fn try_ask(&mut self, path: &str, body: Value) -> Result<Value, Value> {
        let path = format!("{}{path}", self.session);
        let answer =
            self.raw.ask(request_with("POST", &path, "Content-Type: application/json\r\n", body.to_string()));
        let value = serde_json::from_slice::<Value>(&answer.body).unwrap()["value"].take();
        if answer.status == 200 { Ok(value) } else { Err(value) }
    }

    fn send(&mut self, method: &str, path: &str, body: Value) -> Value {
        let fields = "Content-Type: application/json\r\n";
        let answer = match body {
            Value::Null => self.raw.ask(request(method, path, fields)),
            body => self.raw.ask(request_with(method, path, fields, body.to_string())),
        };
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
        serde_json::from_slice::<Value>(&answer.body).unwrap()["value"].take()
    }
}

/// Starts the driver; its port, if it comes to listen.
fn start_driver(sandbox: &Sandbox) -> Option<(Child, String)> {
    let mut command = sandbox.command("chromedriver");
    let mut driver = command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        let port = line.split("started successfully on port ").nth(1)?;
        Some(port.trim_end_matches('.').to_owned())
    });
    match port {
        Some(port) => Some((driver, port)),
        None => {
            driver.wait().unwrap();
            None
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if thread::panicking() {
            // The driver ends its browsers when it is told to; a request could panic again.
            let _ = self.raw.try_send(request("DELETE", &self.session, ""));
        } else {
            let session = self.session.clone();
            self.send("DELETE", &session, Value::Null);
        }
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(self.driver.id().try_into().unwrap()),
            nix::sys::signal::Signal::SIGTERM,
        );
        let _ = self.driver.wait();
    }
}
