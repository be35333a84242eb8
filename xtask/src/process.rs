//! A child process, and what it took: wall time, CPU time, peak memory. Read from `/proc`, so Linux only.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How often the memory of a process is looked at. The kernel keeps the peak itself; it is only gone once the process is.
const LOOK: Duration = Duration::from_millis(10);

/// What a process took from its start to its end.
#[derive(Debug, Clone)]
pub struct Taken {
    /// From start to end.
    pub wall: Duration,
    /// In user and kernel mode, all threads.
    pub cpu: Duration,
    /// Peak of the resident memory, in bytes (`VmHWM`).
    pub peak: u64,
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// The last lines of stdout.
    pub last_lines: Vec<String>,
}

/// Runs a command to its end.
///
/// # Errors
///
/// It cannot be started, or `/proc` cannot be read.
pub fn measure(mut command: Command) -> Result<Taken> {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} cannot be run", command.get_program().to_string_lossy()))?;
    let pid = child.id();
    let stdout = child.stdout.take().context("the child has no stdout")?;
    let (sender, lines) = channel();
    let reader = thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let mut peak = 0;
    let mut last_lines: Vec<String> = Vec::new();
    loop {
        if let Some(bytes) = peak_memory(pid) {
            peak = bytes.max(peak);
        }
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                if last_lines.len() == 8 {
                    last_lines.remove(0);
                }
                last_lines.push(line);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // Its stdout is closed; once it is a zombie its CPU time is final, and it is still there to be read.
    let cpu = final_cpu(&mut child)?;
    let wall = started.elapsed();
    let status = child.wait()?;
    if reader.join().is_err() {
        bail!("the reader of the child's stdout panicked");
    }
    Ok(Taken { wall, cpu, peak, code: status.code(), last_lines })
}

fn final_cpu(child: &mut Child) -> Result<Duration> {
    let (_keep, never) = channel::<()>();
    loop {
        let (state, cpu) = state_and_cpu(&format!("/proc/{}/stat", child.id()))?;
        if matches!(state, 'Z' | 'X') {
            return Ok(cpu);
        }
        // A pause: nobody ever sends.
        let _timeout = never.recv_timeout(LOOK);
    }
}

/// The CPU time of this process so far.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn own_cpu() -> Result<Duration> {
    Ok(state_and_cpu("/proc/self/stat")?.1)
}

/// State and CPU time in user and kernel mode from a `stat` file (proc_pid_stat(5): fields 3, 14 and 15, of which the
/// times are in ticks of a hundredth of a second).
fn state_and_cpu(path: &str) -> Result<(char, Duration)> {
    let stat = fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?;
    parse_stat(&stat).with_context(|| format!("{path} is not as proc(5) describes it"))
}

fn parse_stat(stat: &str) -> Option<(char, Duration)> {
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some((fields.first()?.chars().next()?, Duration::from_millis(10 * (ticks(11)? + ticks(12)?))))
}

fn peak_memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_program_is_called() {
        let stat = "42 (a ) b (c) Z 1 42 42 0 -1 4194560 90 0 0 0 150 25 0 0 20 0 1 0 1 0 0";
        assert_eq!(parse_stat(stat), Some(('Z', Duration::from_millis(1_750))));
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn what_a_process_took_is_read_to_its_end() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3"]);
        let taken = measure(command).unwrap();
        assert_eq!(taken.code, Some(3));
        assert_eq!(taken.last_lines, ["one", "two"]);
        assert!(taken.peak > 100_000, "{}", taken.peak);
        assert!(taken.cpu <= taken.wall + LOOK);
    }
}
