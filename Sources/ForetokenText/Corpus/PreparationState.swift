import ForetokenFiles
import ForetokenPlatform

/// A checkpoint of a preparation.
struct PreparationCheckpoint: Sendable, Equatable {
    var position = CorpusPosition()
    var report = PreparationReport()
    /// Tokens in each shard.
    var trainTokens = 0
    var validationTokens = 0
    /// Fingerprints in the log.
    var fingerprints = 0
}

/// The folder `.prepare` in the output folder, with the partial shards and the checkpoint of a preparation. An interrupted
/// preparation resumes if the digest of inputs, options and tokenizer is the same.
final class PreparationState {
    /// The folder of the partial shards.
    let folder: URL
    /// The checkpoint of an earlier process.
    let resumed: PreparationCheckpoint?
    private let digest: String
    private let lock: FileLock
    private var hasCheckpoint: Bool

    /// - Throws: ``PreparationError/busy(folder:)``, ``ShardError/system(file:action:reason:)``.
    init(in out: URL, digest: String) throws {
        folder = out.appendingPathComponent(".prepare")
        self.digest = digest
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw ShardError.system(
                file: out.relativePath, action: "create the folder for the shards", reason: error.systemReason)
        }
        let taken: FileLock?
        do throws(FileFailure) {
            taken = try FileLock.take(folder.appendingPathComponent("lock"))
        } catch {
            throw ShardError.system(file: folder.relativePath, action: "write", reason: error.reason)
        }
        guard let taken else { throw PreparationError.busy(folder: out.relativePath) }
        lock = taken
        // Unreadable or mismatched state is discarded.
        resumed = try? Self.read(folder.appendingPathComponent("state.json"), digest: digest)
        hasCheckpoint = resumed != nil
        if resumed == nil { unlink(folder.appendingPathComponent("state.json").path) }
    }

    deinit {
        // Without a checkpoint there is nothing to resume.
        if !hasCheckpoint { try? FileManager.default.removeItem(at: folder) }
    }

    /// Writes a checkpoint; the partial shards must have been flushed before.
    func save(_ checkpoint: PreparationCheckpoint) throws {
        let (position, report) = (checkpoint.position, checkpoint.report)
        var skipped = JSONObject()
        for (reason, count) in report.skipped.sorted(by: { $0.key < $1.key }) { skipped[reason] = .integer(count) }
        let value: JSONValue = [
            "key": .string(digest),
            "position": .array(
                [position.file, position.offset, position.line, position.bytesRead].map(JSONValue.integer)),
            "documents": .array([report.trainDocuments, report.validationDocuments].map(JSONValue.integer)),
            "bytes": .array([report.trainBytes, report.validationBytes].map(JSONValue.integer)),
            "tokens": .array([checkpoint.trainTokens, checkpoint.validationTokens].map(JSONValue.integer)),
            "fingerprints": .integer(checkpoint.fingerprints), "skipped": .object(skipped),
        ]
        try value.write(to: folder.appendingPathComponent("state.json"))
        hasCheckpoint = true
    }

    /// Marks the preparation as complete, so that the folder is removed.
    func finish() { hasCheckpoint = false }

    private static func read(_ url: URL, digest: String) throws -> PreparationCheckpoint? {
        let node = try JSONNode(contentsOf: url)
        guard try node["key"].string() == digest else { return nil }
        func numbers(_ name: String, _ count: Int) throws -> [Int] {
            let values = try node[name].array().map { try $0.integer(in: 0...(1 << 60)) }
            guard values.count == count else { throw node.wrongType("\(count) numbers") }
            return values
        }
        var found = PreparationCheckpoint()
        let position = try numbers("position", 4)
        found.position = CorpusPosition(
            file: position[0], offset: position[1], line: position[2], bytesRead: position[3])
        let (documents, bytes, tokens) = try (numbers("documents", 2), numbers("bytes", 2), numbers("tokens", 2))
        (found.report.trainDocuments, found.report.validationDocuments) = (documents[0], documents[1])
        (found.report.trainBytes, found.report.validationBytes) = (bytes[0], bytes[1])
        (found.trainTokens, found.validationTokens) = (tokens[0], tokens[1])
        found.fingerprints = try node["fingerprints"].integer(in: 0...(1 << 56))
        for (reason, count) in try node["skipped"].object() {
            found.report.skipped[reason] = try JSONNode(count, file: url.relativePath).integer(in: 0...(1 << 60))
        }
        return found
    }
}
