use std::process::Command;

/// Says on what the numbers were measured, one line: processor, cores, memory, system, compiler.
pub(super) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory_kib: f64 = field("/proc/meminfo", "MemTotal").split(' ').next().unwrap_or("").parse().unwrap_or(0.0);
    let processor = field("/proc/cpuinfo", "model name");
    let (system, kernel, compiler) = (os_name(), first_line("uname", "-r"), first_line("rustc", "--version"));
    let memory_gib = memory_kib / 1024.0 / 1024.0;
    format!("{processor}, {cores} logical cores, {memory_gib:.1} GiB; {system}, Linux {kernel}; {compiler}")
}

/// The value of `NAME : VALUE` in a file of the kernel.
fn field(path: &str, name: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let values = text.lines().filter_map(|line| line.split_once(':')).filter(|(key, _)| key.trim() == name);
    values.map(|(_, value)| value.trim().to_owned()).next().unwrap_or_else(|| "unknown".to_owned())
}

fn os_name() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or_else(|| "unknown".to_owned(), |name| name.trim_matches('"').to_owned())
}

fn first_line(program: &str, word: &str) -> String {
    let output = Command::new(program).arg(word).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}
