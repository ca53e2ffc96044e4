//! A real Chroma server for as long as this process lives.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use ragged::settings::ChromaSettings;

/// A server that ends with this process, however that ends: a shell that holds it waits for the end
/// of its input.
struct ChromaServer {
    url: String,
    _shell: Child,
}

const HOLD: &str = r#"
"$0" run --path "$1" --host 127.0.0.1 --port "$2" 2>&1 </dev/null &
server=$!
read -r _
kill "$server"
wait "$server"
rm -rf "$1"
"#;

/// Settings for the server of this process, which is started when first asked for; none, saying so,
/// where the program is not here.
pub(crate) fn chroma() -> Option<ChromaSettings> {
    static SERVER: OnceLock<Option<ChromaServer>> = OnceLock::new();
    let server = SERVER.get_or_init(start).as_ref()?;
    Some(ChromaSettings { url: server.url.clone(), ..ChromaSettings::default() })
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the server's program is, only the machine knows"
)]
fn program() -> Option<PathBuf> {
    if let Some(path) = env::var_os("RAGGED_CHROMA").filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths).map(|dir| dir.join("chroma")).find(|path| path.is_file())
}

fn start() -> Option<ChromaServer> {
    let Some(program) = program().filter(|_| cfg!(unix)) else {
        // Not through the macro, whose output a test that passes keeps to itself.
        let skipped = "skipped: nothing is asked of a real Chroma server, since neither \
                       RAGGED_CHROMA nor PATH has its program `chroma`\n";
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return None;
    };
    let data = tempfile::tempdir().unwrap().keep();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut shell = Command::new("sh")
        .args(["-c", HOLD])
        .arg(&program)
        .arg(&data)
        .arg(port.to_string())
        .env("ANONYMIZED_TELEMETRY", "False")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    while !said.contains("listening on address") {
        let line = lines.next().and_then(std::io::Result::ok);
        assert!(line.is_some(), "{} did not start: {said}", program.display());
        said.push_str(&line.unwrap_or_default());
        said.push('\n');
    }
    // A server whose output nobody reads stands still.
    std::thread::spawn(move || lines.for_each(drop));
    Some(ChromaServer { url: format!("http://127.0.0.1:{port}"), _shell: shell })
}
