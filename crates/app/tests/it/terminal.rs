use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    process::Child,
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use crate::{
    scene::Scene,
    system::{ended, signal},
};

const DEADLINE: Duration = Duration::from_mins(1);
const LEASE: &str = "when does the lease of the flat end?";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const BACKSPACE: &str = "\x7f";
const UP: &str = "\x1b[A";

/// A command that believes a person types.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    fn start(scene: &Scene, args: &[&str]) -> Self {
        let pty = nix::pty::openpty(None, None).unwrap();
        let child = scene.start_in_terminal(args, &pty.slave);
        let keyboard = File::from(pty.master);
        let mut output = keyboard.try_clone().unwrap();
        let (sender, screen) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading fails when the last who could write has gone.
            while let Ok(n @ 1..) = output.read(&mut buffer) {
                drop(sender.send(buffer[..n].to_vec()));
            }
        });
        Self { child, keyboard, screen, shown: String::new() }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for words on the screen, and goes on after them.
    #[track_caller]
    fn expect(&mut self, words: &str) {
        loop {
            if let Some(at) = self.shown.find(words) {
                self.shown.drain(..at + words.len());
                return;
            }
            match self.screen.recv_timeout(DEADLINE) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(end) => panic!("{words:?} is not in {:?}: {end}", self.shown),
            }
        }
    }

    fn end(mut self) {
        // Before the prompt is there, the terminal takes the key for itself.
        self.expect("> ");
        self.press(CTRL_D);
        assert_eq!(ended(&mut self.child).code(), Some(0));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn lines_are_edited_given_up_and_remembered() {
    let scene = Scene::with_notes();
    let mut terminal = Terminal::start(&scene, &["chat"]);
    terminal.expect("3 files. Ask, or /help");
    terminal.expect("> ");
    terminal.press("a line that is given up");
    terminal.press(CTRL_C);
    terminal.expect("> ");
    terminal.press(&format!("{LEASE}!!{BACKSPACE}{BACKSPACE}\r"));
    terminal.expect("31 March 2027");
    terminal.expect("lease.md");
    terminal.end();

    let history = scene.data_dir().join("chat").join("history");
    let lines = std::fs::read_to_string(&history).unwrap();
    assert!(lines.contains(LEASE) && !lines.contains("!!") && !lines.contains("given up"));
    let mode = std::fs::metadata(&history).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");

    let mut terminal = Terminal::start(&scene, &["chat", "--no-history"]);
    terminal.expect("> ");
    terminal.press("/open 1\r");
    terminal.expect("ask something first");
    terminal.end();
    assert_eq!(std::fs::read_to_string(&history).unwrap(), lines, "nothing is written");

    let mut terminal = Terminal::start(&scene, &["chat"]);
    terminal.expect("> ");
    terminal.press(&format!("{UP}\r"));
    terminal.expect("31 March 2027");
    terminal.end();
}

#[test]
fn ctrl_c_ends_an_answer_and_not_the_chat() {
    let scene = Scene::with_notes();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("answer.url=http://{}", server.local_addr().unwrap());
    let args = ["chat", "-o", "answer.generator=ollama:silent", "-o", &url];
    let mut terminal = Terminal::start(&scene, &args);
    terminal.expect("> ");
    terminal.press(&format!("{LEASE}\r"));
    // The question has arrived at a server that never answers.
    let (mut connection, _) = server.accept().unwrap();
    connection.read_exact(&mut [0; 4]).unwrap();
    signal(&terminal.child, rustix::process::Signal::INT);
    terminal.expect("Cancelled.");
    terminal.expect("> ");
    terminal.press("/persona\r");
    terminal.expect("persona: default");
    terminal.end();
}
