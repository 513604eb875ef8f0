import ForetokenFiles

/// What can go wrong with a corpus as a whole; single bad files are skipped and counted.
public enum PreparationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A named input is not there.
    case missing(String)
    /// No document was left.
    case nothingLeft(PreparationReport)
    /// All documents fell on one side of the split.
    case emptySplit(String)
    /// A line of a JSONL file does not hold a document; lines count from one.
    case badLine(file: String, line: Int, reason: String)
    /// A JSONL file could not be read to its end.
    case unreadable(file: String, reason: String)
    /// Another process is preparing in the folder.
    case busy(folder: String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .missing(let path): "\(path): no such file or folder"
        case .nothingLeft(let report): "no document is left to train on (\(report.skippedSentence)); name other files"
        case .emptySplit(let name):
            "no document fell into '\(name)'; give more files or another --validation-fraction"
        case .badLine(let file, let line, let reason):
            "\(file): line \(line): \(reason); correct it, or pass over such lines with --skip-bad-lines"
        case .unreadable(let file, let reason):
            "\(file): \(reason); replace the file, or keep what can be read with --skip-bad-lines"
        case .busy(let folder): "\(folder): another process prepares there; wait for it, or name another --out"
        }
    }
}

/// What became of the files.
public struct PreparationReport: Sendable, Equatable {
    /// Documents and bytes for training.
    public internal(set) var trainDocuments = 0
    /// Bytes for training.
    public internal(set) var trainBytes = 0
    /// Tokens for training.
    public internal(set) var trainTokens = 0
    /// Held-out documents.
    public internal(set) var validationDocuments = 0
    /// Held-out bytes.
    public internal(set) var validationBytes = 0
    /// Held-out tokens.
    public internal(set) var validationTokens = 0
    /// Files, documents and lines skipped, by reason.
    public internal(set) var skipped: [String: Int] = [:]

    /// The reasons and counts in words.
    public var skippedSentence: String {
        skipped.isEmpty
            ? "nothing was skipped"
            : "skipped: " + skipped.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }

    mutating func skip(_ reasons: [String: Int]) { skipped.merge(reasons, uniquingKeysWith: +) }
}

/// How far a preparation is.
public struct PreparationProgress: Sendable, Equatable {
    /// What became of the files so far.
    public internal(set) var report = PreparationReport()
    /// Bytes of the input files read so far, compressed ones as they are on the disk.
    public internal(set) var bytesRead = 0
    /// Bytes of all input files.
    public internal(set) var bytesTotal = 0
    /// Bytes that an earlier process had read, where this one goes on from.
    public internal(set) var bytesResumed = 0
}
