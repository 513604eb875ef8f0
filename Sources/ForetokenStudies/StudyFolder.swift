import ForetokenFiles
import ForetokenReport
import ForetokenText
import ForetokenTraining
import Foundation

/// A study's folder: `runs/NAME` and `recipes/NAME.yaml`, `results/NAME.json` and `results/NAME/`, `logs/NAME.log`, and what
/// comes of them.
final class StudyFolder {
    let url: URL
    /// As paths in it are shown and handed on.
    let path: String
    /// Held by this process and by all it starts: it is free when the last of them has ended, however they end.
    let lock: FileLock

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
        lock = try Self.take(url.appendingPathComponent(".lock"), path)
    }

    /// Waits for the lock while its holder is dead and what that process started is still ending.
    private static func take(_ file: URL, _ path: String) throws -> FileLock {
        var isTold = false
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
