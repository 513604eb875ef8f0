import ForetokenFiles
import ForetokenText
import ForetokenTraining
import Foundation

/// A study's folder: `runs/NAME`, `recipes/NAME.yaml`, `results/NAME.json`, `results/NAME/` and `logs/NAME.log` for each run,
/// and the study's table, chart and summary.
final class StudyFolder {
    let url: URL
    /// The folder as the user wrote it: messages and the arguments of child processes spell it so.
    let path: String
    /// Held by this process and all its children, so that it is free once the last of them has ended, however it ends.
    let lock: FileLock

    /// Seconds to wait for the children of a dead study to save their checkpoints.
    private static let patience = 120.0

    /// Opens the folder for this process and its children alone, and makes it if it does not exist.
    ///
    /// `onWait` is called once if the children of a dead study still hold the folder.
    ///
    /// - Throws: ``StudyError``.
    init(_ path: String, onWait: () -> Void = {}) throws {
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
        lock = try Self.take(url.appendingPathComponent(".lock"), path, onWait: onWait)
    }

    /// Takes the lock; waits for it while the study that took it is dead and its children are still ending.
    private static func take(_ file: URL, _ path: String, onWait: () -> Void) throws -> FileLock {
        var isWaiting = false
        let deadline = Date(timeIntervalSinceNow: patience)
        while true {
            do throws(FileFailure) {
                if let lock = try FileLock.take(file) { return lock }
            } catch {
                throw StudyError.system(path: file.path, action: error.action, reason: error.reason)
            }
            let holder = FileLock.holder(of: file)
            guard holder.flatMap(Int32.init).map({ !isAlive($0) }) ?? false, Date() < deadline, !InterruptFlag.isRaised
            else { throw StudyError.inUse(folder: path, process: holder ?? "unknown") }
            if !isWaiting { onWait() }
            isWaiting = true
            usleep(50_000)
        }
    }

    /// Whether a process runs; a zombie does not.
    private static func isAlive(_ process: Int32) -> Bool {
        guard kill(process, 0) == 0 || errno == EPERM else { return false }
        let status = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        return !(status.split(separator: ")").last?.hasPrefix(" Z") ?? false)
    }

    func run(_ name: String) -> String { "\(path)/runs/\(name)" }
    func recipe(_ name: String) -> URL { url.appendingPathComponent("recipes/\(name).yaml") }
    func result(_ name: String) -> URL { url.appendingPathComponent("results/\(name).json") }
    /// Files that a run's measurements resume from: answers, completions, grades.
    func details(_ name: String) -> URL { url.appendingPathComponent("results/\(name)") }
    func log(_ name: String) -> URL { url.appendingPathComponent("logs/\(name).log") }
    var table: URL { url.appendingPathComponent("table.md") }
    var chart: URL { url.appendingPathComponent("study.svg") }
    var summary: URL { url.appendingPathComponent("study.json") }
}
