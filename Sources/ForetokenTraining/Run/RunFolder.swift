import ForetokenFiles
import ForetokenModel
import ForetokenText
public import Foundation

/// What can be wrong with a run folder.
public enum RunFolderError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Another process trains in it.
    case inUse(folder: String, process: String)
    /// A file operation failed.
    case system(path: String, action: String, reason: String)
    /// It holds a run of another recipe.
    case otherRecipe(folder: String, keys: [String])
    /// It holds a file that no run of this recipe wrote.
    case foreign(folder: String, file: String)
    /// A checkpoint cannot be resumed from.
    case brokenCheckpoint(String, reason: String)
    /// It was deleted, or moved to another file system, while a run was writing to it.
    case gone(String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .inUse(let folder, let process):
            "\(folder): in use by process \(process); wait for it, stop it, or train into another folder"
        case .system(let path, let action, let reason): "\(path): cannot \(action): \(reason)"
        case .otherRecipe(let folder, let keys):
            "\(folder): holds a run with another recipe (\(keys.joined(separator: ", "))); "
                + "name another folder, or give the same values to resume"
        case .foreign(let folder, let file):
            "\(folder): holds a \(file) that no run wrote there and that would be replaced; name another folder"
        case .brokenCheckpoint(let checkpoint, let reason):
            "\(reason); to resume from the checkpoint before it, move \(checkpoint) away"
        case .gone(let folder):
            "\(folder): the run folder was deleted, or moved to another file system, while training in it; "
                + "training in what is left of it resumes there"
        }
    }
}

/// The folder of a run: `recipe.yaml`, `metrics.jsonl`, `checkpoints/step-NNNNNN/` and `latest`.
///
/// Checkpoints are written under a temporary name, synced and renamed, and `latest` is replaced after that: a kill at any
/// instant leaves the last whole checkpoint.
public final class RunFolder {
    /// The folder as it was named when the run began.
    private let named: URL
    private let lock: FileLock?

    /// The folder, where it is now: it may be renamed while a run writes to it, and the lock file inside knows where.
    public var url: URL {
        if isHere(named) { return named }
        guard let lock,
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(lock.descriptor)")
        else { return named }
        let moved = URL(fileURLWithPath: path).deletingLastPathComponent()
        return isHere(moved) ? moved : named
    }

    /// Whether a folder holds the lock file that this process has open.
    private func isHere(_ folder: URL) -> Bool {
        guard let lock else { return false }
        var (ours, found) = (stat(), stat())
        return fstat(lock.descriptor, &ours) == 0 && stat(folder.appendingPathComponent(".lock").path, &found) == 0
            && ours.st_ino == found.st_ino && ours.st_dev == found.st_dev
    }

    /// A run folder that another rank writes to: this process only reads there.
    public init(reading url: URL) {
        named = url
        lock = nil
    }

    /// Opens or makes a run folder for this process alone; the kernel frees the lock when the process ends, however it ends.
    ///
    /// - Throws: ``RunFolderError``.
    public init(_ url: URL) throws {
        named = url
        let checkpoints = url.appendingPathComponent("checkpoints")
        do {
            try FileManager.default.createDirectory(at: checkpoints, withIntermediateDirectories: true)
        } catch {
            throw RunFolderError.system(
                path: url.relativePath, action: "make the run folder", reason: error.systemReason)
        }
        let file = url.appendingPathComponent(".lock")
        do throws(FileFailure) {
            lock = try FileLock.take(file)
        } catch {
            throw RunFolderError.system(path: file.path, action: error.action, reason: error.reason)
        }
        guard lock != nil else {
            throw RunFolderError.inUse(folder: url.relativePath, process: FileLock.holder(of: file) ?? "unknown")
        }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: checkpoints.path)) ?? []
        where name.hasPrefix(".step-") {
            try? FileManager.default.removeItem(at: checkpoints.appendingPathComponent(name))
        }
    }

    /// `recipe.yaml`.
    public var recipe: URL { url.appendingPathComponent("recipe.yaml") }
    /// `metrics.jsonl`.
    public var metrics: URL { url.appendingPathComponent("metrics.jsonl") }

    /// Fails if the folder, which has no recipe, holds what a run would replace.
    func requireUnused() throws {
        for name in ["metrics.jsonl", "report.html", "latest"]
        where FileManager.default.fileExists(atPath: url.appendingPathComponent(name).path) {
            throw RunFolderError.foreign(folder: url.relativePath, file: name)
        }
    }

    /// The newest whole checkpoint.
    public var latestCheckpoint: URL? { RunCheckpoints.latest(in: url) }

    /// Writes a checkpoint by `body` and removes all but the newest `keeping` and those whose step is a multiple of
    /// `interval`.
    ///
    /// - Throws: ``RunFolderError`` or what `body` throws; the checkpoint before stays whole.
    public func writeCheckpoint(
        step: Int, keeping: Int, andEvery interval: Int? = nil, _ body: (URL) throws -> Void
    ) throws {
        let place = url
        do {
            try writeCheckpoint(step: step, keeping: keeping, andEvery: interval, in: place, body)
        } catch  where url != place {
            // The folder was renamed meanwhile.
            try writeCheckpoint(step: step, keeping: keeping, andEvery: interval, in: url, body)
        }
    }

    private func writeCheckpoint(
        step: Int, keeping: Int, andEvery interval: Int?, in url: URL, _ body: (URL) throws -> Void
    ) throws {
        guard isHere(url) else { throw RunFolderError.gone(url.relativePath) }
        let checkpoints = url.appendingPathComponent("checkpoints")
        let name = "step-" + String(String(1_000_000_000 + step).dropFirst(step < 1_000_000 ? 4 : 1))
        let temporary = checkpoints.appendingPathComponent(".\(name)")
        let destination = checkpoints.appendingPathComponent(name)
        // The checkpoint of a step is always the same: one that is whole is never touched again.
        if !FileManager.default.fileExists(atPath: destination.path) {
            try? FileManager.default.removeItem(at: temporary)
            do {
                // Not the folders above: where the run was renamed meanwhile, they would be made once more.
                try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: false)
                try body(temporary)
            } catch {
                try? FileManager.default.removeItem(at: temporary)
                throw error
            }
            try Self.synchronizeTree(temporary)
            guard rename(temporary.path, destination.path) == 0 else {
                throw RunFolderError.system(
                    path: destination.relativePath, action: "write", reason: String(cString: strerror(errno)))
            }
        }
        try Self.synchronize(checkpoints)
        try Self.write(name + "\n", to: url.appendingPathComponent("latest"))
        for old in RunCheckpoints.names(in: checkpoints).dropLast(max(1, keeping)) {
            if let interval, let step = Int(old.dropFirst(5)), step.isMultiple(of: interval) { continue }
            try? FileManager.default.removeItem(at: checkpoints.appendingPathComponent(old))
        }
    }

    /// Replaces a small text file as a whole.
    ///
    /// - Throws: ``RunFolderError/system(path:action:reason:)``.
    package static func write(_ text: String, to url: URL) throws {
        let temporary = url.deletingLastPathComponent().appendingPathComponent(".\(url.lastPathComponent).temporary")
        do {
            try Data(text.utf8).write(to: temporary)
        } catch {
            try? FileManager.default.removeItem(at: temporary)
            throw RunFolderError.system(
                path: url.relativePath, action: "write", reason: error.systemReason)
        }
        try synchronize(temporary)
        guard rename(temporary.path, url.path) == 0 else {
            throw RunFolderError.system(
                path: url.relativePath, action: "write", reason: String(cString: strerror(errno)))
        }
        try synchronize(url.deletingLastPathComponent())
    }

    private static func synchronizeTree(_ folder: URL) throws {
        let walker = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        while let item = walker?.nextObject() as? URL { try synchronize(item) }
        try synchronize(folder)
    }

    private static func synchronize(_ url: URL) throws {
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw RunFolderError.system(path: url.relativePath, action: "write", reason: reason)
        }
        close(descriptor)
    }
}
