import ForetokenFiles
import ForetokenReport
import ForetokenText
import Foundation

/// A study's folder: `runs/NAME` and `recipes/NAME.yaml`, `results/NAME.json` and `results/NAME/`, `logs/NAME.log`, and what
/// comes of them.
final class StudyFolder {
    let url: URL
    /// As paths in it are shown and handed on.
    let path: String
    /// Held by this process and by all it starts: it is free when the last of them has ended, however they end.
    let lock: Int32

    /// How long processes of an earlier start may take to save what they have.
    private static let patience = 120.0

    /// Opens or makes the folder for this process and its children alone.
    ///
    /// - Throws: ``StudyError``.
    init(_ path: String) throws {
        self.path = path
        url = URL(fileURLWithPath: path)
        for name in ["runs", "recipes", "results", "logs"] {
            do {
                try FileManager.default.createDirectory(
                    at: url.appendingPathComponent(name), withIntermediateDirectories: true)
            } catch {
                throw StudyError.system(path: path, action: "make the study's folder", reason: error.systemReason)
            }
        }
        let file = url.appendingPathComponent(".lock").path
        lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else {
            throw StudyError.system(path: file, action: "open", reason: String(cString: strerror(errno)))
        }
        try take(file)
        ftruncate(lock, 0)
        let process = "\(ProcessInfo.processInfo.processIdentifier)"
        _ = process.withCString { pwrite(lock, $0, strlen($0), 0) }
    }

    deinit { if lock >= 0 { close(lock) } }

    private func take(_ file: String) throws {
        var isTold = false
        let deadline = Date(timeIntervalSinceNow: Self.patience)
        while flock(lock, LOCK_EX | LOCK_NB) != 0 {
            let holder = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            guard Int32(holder).map({ !Self.isAlive($0) }) ?? false, Date() < deadline, !InterruptFlag.isRaised else {
                throw StudyError.inUse(folder: path, process: holder.isEmpty ? "unknown" : holder)
            }
            if !isTold { Terminal.log("\(path): waiting for a run of an earlier start to save what it has") }
            isTold = true
            usleep(50_000)
        }
    }

    /// Whether a process runs; one that has ended and that nobody waited for does not.
    private static func isAlive(_ process: Int32) -> Bool {
        guard kill(process, 0) == 0 || errno == EPERM else { return false }
        let status = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        return !(status.split(separator: ")").last?.hasPrefix(" Z") ?? false)
    }

    func run(_ name: String) -> String { "\(path)/runs/\(name)" }
    func recipe(_ name: String) -> URL { url.appendingPathComponent("recipes/\(name).yaml") }
    func result(_ name: String) -> URL { url.appendingPathComponent("results/\(name).json") }
    /// What a run's measurements keep so that they can go on: answers, samples, grades.
    func details(_ name: String) -> URL { url.appendingPathComponent("results/\(name)") }
    func log(_ name: String) -> URL { url.appendingPathComponent("logs/\(name).log") }
    var table: URL { url.appendingPathComponent("table.md") }
    var chart: URL { url.appendingPathComponent("study.svg") }
    var summary: URL { url.appendingPathComponent("study.json") }
}
