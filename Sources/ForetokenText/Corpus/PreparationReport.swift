import ForetokenFiles

/// An error that stops the preparation of a corpus; individual bad files are skipped and counted.
public enum PreparationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// An input does not exist.
    case missing(String)
    /// All documents were skipped.
    case nothingLeft(PreparationReport)
    /// A split has no documents.
    case emptySplit(String)
    /// A malformed line of a JSONL file; lines count from one.
    case badLine(file: String, line: Int, reason: String)
    /// A JSONL file could not be read to its end.
    case unreadable(file: String, reason: String)
    /// Another process is preparing data in the folder.
    case busy(folder: String)

    /// The error sentence, with the next step.
    public var description: String {
        switch self {
        case .missing(let path): "\(path): no such file or folder"
        case .nothingLeft(let report): "no training documents are left (\(report.skippedSentence)); give other files"
        case .emptySplit(let name):
            "the split '\(name)' has no documents; give more files or another --validation-fraction"
        case .badLine(let file, let line, let reason):
            "\(file): line \(line): \(reason); correct the line, or skip such lines with --skip-bad-lines"
        case .unreadable(let file, let reason):
            "\(file): \(reason); replace the file, or use its readable part with --skip-bad-lines"
        case .busy(let folder):
            "\(folder): another process is preparing data in this folder; wait for it, or name another --out"
        }
    }
}

/// The counts of a preparation.
public struct PreparationReport: Sendable, Equatable {
    /// Training documents.
    public internal(set) var trainDocuments = 0
    /// Bytes of training documents.
    public internal(set) var trainBytes = 0
    /// Tokens of training documents.
    public internal(set) var trainTokens = 0
    /// Validation documents.
    public internal(set) var validationDocuments = 0
    /// Bytes of validation documents.
    public internal(set) var validationBytes = 0
    /// Tokens of validation documents.
    public internal(set) var validationTokens = 0
    /// Skipped files, documents and lines, by reason.
    public internal(set) var skipped: [String: Int] = [:]

    /// The skipped counts with their reasons as text.
    public var skippedSentence: String {
        skipped.isEmpty
            ? "nothing was skipped"
            : "skipped: " + skipped.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }

    mutating func skip(_ reasons: [String: Int]) { skipped.merge(reasons, uniquingKeysWith: +) }
}

/// The progress of a preparation.
public struct PreparationProgress: Sendable, Equatable {
    /// The counts so far.
    public internal(set) var report = PreparationReport()
    /// Bytes of input files read so far, before decompression.
    public internal(set) var bytesRead = 0
    /// The total size of all input files in bytes.
    public internal(set) var bytesTotal = 0
    /// Bytes that had been read when this process resumed.
    public internal(set) var bytesResumed = 0
}
