//! A sandbox in this process, and the built binary as its user.

pub mod killed;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use protocol::{Event, EventBody, RunView};
use sandbox::{Effect, Endpoint, Fault, Options, Sandbox, State, When};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdout, Command},
};

/// The only key that the sandbox accepts; whoever prints any part of it fails a test.
pub const KEY: &str = "a-key-that-nobody-may-ever-print";

/// The namespace of the sample that has something of everything.
pub const SAMPLE: &str = "help-centre";

/// A sandbox, and a directory of its own for each test.
pub struct World {
    pub sandbox: Sandbox,
    pub directory: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    /// With the sample.
    pub async fn new() -> Self {
        Self::with(Options { sample: true, ..Options::default() }).await
    }

    pub async fn with(options: Options) -> Self {
        let options = Options { api_key: Some(KEY.to_owned()), ..options };
        Self { sandbox: sandbox::start(options).await.unwrap(), directory: tempfile::tempdir().unwrap() }
    }

    pub fn state(&self) -> State {
        self.sandbox.state()
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The binary with an environment that names the sandbox and nothing else.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = bare(self.path(), arguments);
        command
            .env("PINECONE_API_KEY", KEY)
            .env("GOOGLE_AI_API_KEY", KEY)
            .env("PINECONE_CONTROLLER_HOST", self.sandbox.url())
            .env("GOOGLE_GEMINI_BASE_URL", self.sandbox.url());
        command
    }

    pub async fn run(&self, arguments: &str) -> Finished {
        finish(self.command(arguments)).await
    }

    /// How many requests were made that write or pay.
    pub fn writes_and_payments(&self) -> (u64, u64) {
        let upserts = self.state().calls("target", Endpoint::Upsert).unwrap().requests;
        (upserts, self.state().embedded().texts)
    }

    /// Lets the n-th call to an endpoint hang for ever.
    pub fn hang(&self, endpoint: Endpoint, nth: u64) {
        self.state().add_fault(Fault::always(endpoint, Effect::Hang).when(When::Nth(nth)));
    }
}

/// The binary without any setting.
pub fn bare(directory: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tain"));
    command
        .args(arguments.split_whitespace())
        .env_clear()
        .env("HOME", directory)
        .env("TAIN_DATA_DIR", directory.join("data"))
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub async fn finish(mut command: Command) -> Finished {
    let output = command.output().await.unwrap();
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Finished {
    /// Fails the test, with everything that was printed, unless this was the exit code.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The events on stdout, and the view that they add up to.
    pub fn view(&self) -> RunView {
        view_of(self.stdout.lines())
    }
}

/// Reduces lines of JSON to a view, and fails where one is missing or is not an event.
pub fn view_of<'a>(lines: impl Iterator<Item = &'a str>) -> RunView {
    let mut view: Option<RunView> = None;
    for line in lines {
        let event: Event = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if let EventBody::Started(head) = &event.body {
            view = Some(RunView::new((**head).clone()));
        }
        let view = view.as_mut().expect("the first event is `started`");
        assert!(view.apply(&event), "an event is missing before {line}");
    }
    view.expect("at least one event")
}

/// A command that goes on while the test does something else.
pub struct Running {
    pub child: Child,
    pub lines: Lines<BufReader<ChildStdout>>,
    pub seen: Vec<String>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, seen: Vec::new() }
    }

    /// Reads stdout up to a line that holds this.
    pub async fn until(&mut self, part: &str) -> String {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            self.seen.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).await.unwrap();
        panic!("{part:?} never came; stdout:\n{}\nstderr:\n{stderr}", self.seen.join("\n"));
    }

    pub fn pid(&self) -> u32 {
        self.child.id().expect("it has not ended")
    }

    pub async fn signal(&self, signal: &str) {
        let line = format!("kill -{signal} {}", self.pid());
        assert!(Command::new("/bin/sh").args(["-c", &line]).status().await.unwrap().success());
    }

    /// Waits for its end and gives all of stdout and what is left of stderr.
    pub async fn finish(mut self) -> Finished {
        let mut stderr = String::new();
        let mut errors = self.child.stderr.take().unwrap();
        let (read, lines) = tokio::join!(errors.read_to_string(&mut stderr), async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.seen.push(line);
            }
        });
        read.unwrap();
        let () = lines;
        let status = self.child.wait().await.unwrap();
        Finished { code: status.code(), stdout: self.seen.join("\n"), stderr }
    }
}

/// Waits until something holds. The test's own time limit is the only one.
pub async fn eventually(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// A file that lies outside of the checkout, if it is there.
pub fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(path);
    path.is_file().then_some(path)
}

/// Where cargo-leptos would have put the app's files, empty.
pub fn with_site(command: &mut Command, directory: &Path) {
    fs::create_dir_all(directory.join("site/pkg")).unwrap();
    command.env("LEPTOS_SITE_ROOT", directory.join("site"));
}

/// The whole answer to a GET.
pub async fn get(url: &str, path: &str) -> String {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
