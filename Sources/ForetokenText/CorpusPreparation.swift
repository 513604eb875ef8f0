public import Foundation

/// What can go wrong with a corpus as a whole; single bad files are skipped and counted.
public enum PreparationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A named input is not there.
    case missing(String)
    /// No document was left.
    case nothingLeft(PreparationReport)
    /// All documents fell on one side of the split.
    case emptySplit(String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .missing(let path): "\(path): no such file or folder"
        case .nothingLeft(let report): "no document is left to train on (\(report.skippedSentence)); name other files"
        case .emptySplit(let name):
            "no document fell into '\(name)'; give more files or another --validation-fraction"
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
    /// Files skipped, by reason.
    public internal(set) var skipped: [String: Int] = [:]

    /// The reasons and counts in words.
    public var skippedSentence: String {
        skipped.isEmpty
            ? "nothing was skipped"
            : "skipped: " + skipped.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }
}

/// Source files to token shards: exact duplicates removed, held-out documents split off by a seeded hash of their content.
///
/// A document's side depends on its content and the seed only, so that adding files never moves one from held-out to
/// training. Memory holds one file at a time and a hash of each.
public struct CorpusPreparation: Sendable {
    /// Files and folders to read.
    public var inputs: [URL]
    /// Endings that count inside folders, without the dot; nil for all.
    public var fileExtensions: Set<String>?
    /// Larger files are skipped.
    public var maximumFileBytes = 1 << 20
    /// A fair sample of about so many bytes is kept, chosen by the hash.
    public var maximumBytes: Int?
    /// The share of documents held out.
    public var validationFraction = 0.02
    /// Decides the split and the sample.
    public var seed: UInt64 = 0

    /// The preparation of some inputs.
    public init(inputs: [URL], fileExtensions: Set<String>? = nil) {
        self.inputs = inputs
        self.fileExtensions = fileExtensions
    }

    /// Writes `train.tokens`, `validation.tokens` and the tokenizer into a folder.
    ///
    /// `progress`: called now and then with what was read so far.
    /// - Throws: ``PreparationError``, ``ShardError``, ``TokenizerError``.
    public func run(
        into folder: URL, tokenizer: any Tokenizer, progress: (PreparationReport) -> Void = { _ in }
    ) throws -> PreparationReport {
        let list = try listFiles()
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw ShardError.system(
                file: folder.relativePath, action: "make the folder for the shards", reason: error.systemReason)
        }
        let train = try TokenShardWriter(folder.appendingPathComponent("train.tokens"), tokenizer: tokenizer)
        let validation = try TokenShardWriter(folder.appendingPathComponent("validation.tokens"), tokenizer: tokenizer)
        var report = try forEachDocument(in: list, progress: progress) { bytes, isValidation in
            try (isValidation ? validation : train).append(tokenizer.encode(bytes))
        }
        guard report.trainDocuments + report.validationDocuments > 0 else { throw PreparationError.nothingLeft(report) }
        guard report.trainDocuments > 0 else { throw PreparationError.emptySplit("train") }
        guard report.validationDocuments > 0 || validationFraction == 0 else {
            throw PreparationError.emptySplit("validation")
        }
        (report.trainTokens, report.validationTokens) = (train.tokenCount, validation.tokenCount)
        try TokenizerFile.write(tokenizer, to: folder)
        try train.finish()
        try validation.finish()
        progress(report)
        return report
    }

    /// Counts the words of the documents to train on, from which a tokenizer can then be trained.
    ///
    /// - Throws: ``PreparationError``.
    public func countWords(
        into training: inout BytePairTraining, progress: (PreparationReport) -> Void = { _ in }
    ) throws {
        let report = try forEachDocument(in: listFiles(), progress: progress) { bytes, isValidation in
            if !isValidation { training.add(bytes) }
        }
        guard report.trainDocuments > 0 else { throw PreparationError.nothingLeft(report) }
    }

    /// Reads the documents one after another; the body learns of each whether it is held out.
    private func forEachDocument(
        in list: (files: [Input], others: Int), progress: (PreparationReport) -> Void,
        _ body: ([UInt8], _ isValidation: Bool) throws -> Void
    ) throws -> PreparationReport {
        let files = list.files
        let total = maximumBytes == nil ? 0 : files.reduce(0) { $0 + $1.size }
        let keep = maximumBytes.map { min(1, Double($0) / Double(max(1, total))) } ?? 1
        var report = PreparationReport()
        if list.others > 0 { report.skipped["no regular file"] = list.others }
        var seen: Set<[UInt8]> = []
        for (index, file) in files.enumerated() {
            if index % 500 == 0 { progress(report) }
            func skip(_ reason: String) { report.skipped[reason, default: 0] += 1 }
            guard file.size <= maximumFileBytes else {
                skip("too large")
                continue
            }
            guard let data = try? Data(contentsOf: file.url) else {
                skip("unreadable")
                continue
            }
            let bytes = [UInt8](data)
            guard !bytes.isEmpty else {
                skip("empty")
                continue
            }
            guard !bytes.contains(0) else {
                skip("binary")
                continue
            }
            guard String(validating: bytes, as: UTF8.self) != nil else {
                skip("not UTF-8")
                continue
            }
            let hash = SHA256.hash(bytes)
            guard seen.insert(Array(hash.prefix(16))).inserted else {
                skip("duplicates")
                continue
            }
            guard fraction(hash, salt: 1) < keep else {
                skip("left out by the size limit")
                continue
            }
            let isValidation = fraction(hash, salt: 2) < validationFraction
            try body(bytes, isValidation)
            if isValidation {
                report.validationDocuments += 1
                report.validationBytes += bytes.count
            } else {
                report.trainDocuments += 1
                report.trainBytes += bytes.count
            }
        }
        return report
    }

    /// A number in [0, 1) that depends on content, seed and salt.
    private func fraction(_ hash: [UInt8], salt: UInt64) -> Double {
        let word = hash.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Double(SampleOrder.mix(word ^ SampleOrder.mix(seed &* 4 &+ salt)) >> 11) / Double(UInt64(1) << 53)
    }

    private struct Input {
        let url: URL
        let size: Int
    }

    /// The files in sorted order, and how many things were no files (pipes, devices); links to folders are not followed, so loops cannot be.
    private func listFiles() throws(PreparationError) -> (files: [Input], others: Int) {
        var files: [Input] = []
        var others = 0
        let keys: Set<URLResourceKey> = [.isRegularFileKey, .isDirectoryKey, .fileSizeKey]
        func add(_ url: URL) {
            let values = try? url.resourceValues(forKeys: keys)
            guard values?.isRegularFile == true else {
                others += values?.isDirectory == true ? 0 : 1
                return
            }
            files.append(Input(url: url, size: values?.fileSize ?? 0))
        }
        for input in inputs {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: input.path, isDirectory: &isFolder) else {
                throw .missing(input.relativePath)
            }
            guard isFolder.boolValue else {
                add(input.resolvingSymlinksInPath())
                continue
            }
            let walker = FileManager.default.enumerator(
                at: input.resolvingSymlinksInPath(), includingPropertiesForKeys: Array(keys),
                options: [.skipsHiddenFiles])
            while let url = walker?.nextObject() as? URL {
                if let fileExtensions, !fileExtensions.contains(url.pathExtension.lowercased()) { continue }
                add(url)
            }
        }
        return (files.sorted { $0.url.path < $1.url.path }, others)
    }
}
