import ForetokenFiles
import ForetokenPlatform

/// How far a preparation was when it was last written down.
struct PreparationCheckpoint: Sendable, Equatable {
    var position = CorpusPosition()
    var report = PreparationReport()
    /// Tokens in each shard, and fingerprints in the log.
    var trainTokens = 0
    var validationTokens = 0
    var fingerprints = 0
}

/// The folder `.prepare` beside the shards, in which a preparation grows until it is whole; after a kill the next one goes on
/// there if it has the same key, which stands for inputs, options and tokenizer.
final class PreparationState {
    /// Where the shards grow.
    let folder: URL
    /// What an earlier process left.
    let resumed: PreparationCheckpoint?
    private let key: String
    private let lock: FileLock
    private var hasCheckpoint: Bool

    /// - Throws: ``PreparationError/busy(folder:)``, ``ShardError/system(file:action:reason:)``.
    init(in out: URL, key: String) throws {
        folder = out.appendingPathComponent(".prepare")
        self.key = key
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw ShardError.system(
                file: out.relativePath, action: "make the folder for the shards", reason: error.systemReason)
        }
        let taken: FileLock?
        do throws(FileFailure) {
            taken = try FileLock.take(folder.appendingPathComponent("lock"))
        } catch {
            throw ShardError.system(file: folder.relativePath, action: "write", reason: error.reason)
        }
        guard let taken else { throw PreparationError.busy(folder: out.relativePath) }
        lock = taken
        // What is there and cannot be read, or is of another preparation, is begun anew.
        resumed = try? Self.read(folder.appendingPathComponent("state.json"), key: key)
        hasCheckpoint = resumed != nil
        if resumed == nil { unlink(folder.appendingPathComponent("state.json").path) }
    }

    deinit {
        // Nothing to go on from: nothing is left behind.
        if !hasCheckpoint { try? FileManager.default.removeItem(at: folder) }
    }

    /// Writes down how far it is; the files must have got everything before.
    func save(_ checkpoint: PreparationCheckpoint) throws {
        let (position, report) = (checkpoint.position, checkpoint.report)
        var skipped = JSONObject()
        for (reason, count) in report.skipped.sorted(by: { $0.key < $1.key }) { skipped[reason] = .integer(count) }
        let value: JSONValue = [
            "key": .string(key),
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

    /// Removes the folder: the shards are whole.
    func finish() { hasCheckpoint = false }

    private static func read(_ url: URL, key: String) throws -> PreparationCheckpoint? {
        let node = try JSONNode(contentsOf: url)
        guard try node["key"].string() == key else { return nil }
        func numbers(_ name: String, _ count: Int) throws -> [Int] {
            let values = try node[name].array().map { try $0.integer(in: 0...(1 << 60)) }
            guard values.count == count else { throw node.wrongType("\(count) numbers") }
            return values
        }
        var found = PreparationCheckpoint()
        let place = try numbers("position", 4)
        found.position = CorpusPosition(file: place[0], offset: place[1], line: place[2], bytesRead: place[3])
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
