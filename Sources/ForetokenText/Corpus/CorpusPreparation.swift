import ForetokenFiles
public import ForetokenPlatform

/// Converts source files to token shards: removes exact duplicates and splits off validation documents by a seeded hash of their
/// content.
///
/// Whether a document is for training or validation depends on its content and the seed only, so adding files never moves one
/// between the splits. The shards do not depend on the number of workers. Memory use is a few megabytes per worker, independent of
/// the input, plus 16 to 48 bytes per document in a memory-mapped file. An interrupted preparation resumes when it is run again.
public struct CorpusPreparation: Sendable {
    // The property names are part of the digest with which an interrupted preparation is recognised.

    /// Files and folders to read.
    public var inputs: [URL]
    /// File extensions to read in folders, without the dot; nil for all.
    public var fileExtensions: Set<String>?
    /// gitignore(5) patterns: in folders, only files that match one, or are in a folder that does, are read; empty for all files.
    public var include: [String] = []
    /// gitignore(5) patterns: in folders, files and folders that match one are skipped.
    public var exclude: [String] = []
    /// Whether folders are read according to `.gitignore` files and the repository's `.git/info/exclude`.
    public var honoursGitignore = true
    /// Whether generated files in folders are skipped.
    public var skipsGenerated = true
    /// The minimum size of a document in bytes; smaller ones are skipped.
    public var minimumFileBytes = 0
    /// The maximum size of a document in bytes; larger ones are skipped.
    public var maximumFileBytes = 1 << 20
    /// Whether larger files, and compressed ones, are instead split at line ends into documents of at most the maximum size.
    public var splitsLargeFiles = false
    /// The key of the text in lines of `.jsonl` and `.ndjson` files; nil to read these as plain text.
    public var field: String?
    /// Whether malformed lines, and files that cannot be read to their end, are skipped and counted instead of being errors.
    public var skipsBadLines = false
    /// If set, keeps a random sample of documents of about this total size in bytes.
    public var maximumBytes: Int?
    /// The fraction of documents for validation.
    public var validationFraction = 0.02
    /// The seed of the split and of the sample.
    public var seed: UInt64 = 0
    /// The number of threads that read and encode.
    public var workers = max(1, ProcessInfo.processInfo.activeProcessorCount)

    /// The upper limit of ``maximumFileBytes``; several copies of a document are held in memory.
    public static let largestMaximum = 1 << 30
    /// The time between checkpoints.
    var checkpointInterval = Duration.seconds(5)
    /// A line is longer than its text because of escapes and other keys.
    var maximumLineBytes: Int { 16 << 20 + 2 * maximumFileBytes }
    var filter: WalkFilter {
        WalkFilter(
            fileExtensions: fileExtensions, include: include, exclude: exclude, honoursGitignore: honoursGitignore,
            skipsGenerated: skipsGenerated)
    }

    /// Creates a preparation with default options.
    public init(inputs: [URL], fileExtensions: Set<String>? = nil) {
        self.inputs = inputs
        self.fileExtensions = fileExtensions
    }

    /// Writes `train.tokens`, `validation.tokens` and the tokenizer to a folder, or resumes doing so.
    ///
    /// `progress`: called after every job.
    /// - Throws: ``PreparationError``, ``ShardError``, ``TokenizerError``; what `progress` throws.
    public func run(
        into folder: URL, tokenizer: any Tokenizer, progress: (PreparationProgress) throws -> Void = { _ in }
    ) throws -> PreparationReport {
        let listing = try CorpusListing(self)
        let state = try PreparationState(in: folder, digest: digest(listing, tokenizer))
        func open(at start: PreparationCheckpoint) throws -> GrowingShards {
            try GrowingShards(in: folder, state.folder, tokenizer, from: start)
        }
        // If the partial shards do not match the checkpoint (a crash of the machine, a deleted file), starts from the beginning.
        let shards = try state.resumed.flatMap { try? open(at: $0) } ?? open(at: PreparationCheckpoint())
        let (train, validation, seen) = (shards.train, shards.validation, shards.seen)
        let packing = TokenPacking(tokenizer)
        var saved = ContinuousClock.now
        var report = try forEachDocument(
            from: shards.start, listing, seen,
            encode: {
                try tokenizer.checkEncodable($0)
                return try packing.pack(text: $0, file: "train.tokens")
            },
            document: { try ($0.isValidation ? validation : train).append(packed: $0.content) },
            afterJob: { now in
                try progress(now.progress)
                guard saved + checkpointInterval <= .now else { return }
                for flush in [train.flush, validation.flush, seen.flush] { try flush() }
                try state.save(
                    PreparationCheckpoint(
                        position: now.position, report: now.progress.report, trainTokens: train.tokenCount,
                        validationTokens: validation.tokenCount, fingerprints: seen.count))
                saved = .now
            })
        (report.trainTokens, report.validationTokens) = (train.tokenCount, validation.tokenCount)
        if report.trainDocuments == 0 || report.validationDocuments == 0 && validationFraction > 0 {
            state.finish()
            if report.trainDocuments + report.validationDocuments == 0 { throw PreparationError.nothingLeft(report) }
            throw PreparationError.emptySplit(report.trainDocuments == 0 ? "train" : "validation")
        }
        try TokenizerFile.write(tokenizer, to: folder)
        // Both shards are complete before either is renamed to its final name.
        try train.seal()
        try validation.seal()
        try train.finish()
        try validation.finish()
        state.finish()
        return report
    }

    /// Counts the words of the training documents, for training a tokenizer.
    ///
    /// - Throws: ``PreparationError``; what `progress` throws.
    public func countWords(
        into training: inout BytePairTraining, progress: (PreparationProgress) throws -> Void = { _ in }
    ) throws {
        let temporary = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: temporary) }
        let report = try forEachDocument(
            from: PreparationCheckpoint(), CorpusListing(self), SeenDocuments(in: temporary, resuming: 0),
            encode: { $0 },
            document: { if !$0.isValidation { training.add(Array($0.content)) } },
            afterJob: { try progress($0.progress) })
        guard report.trainDocuments > 0 else { throw PreparationError.nothingLeft(report) }
    }

    /// Calls `document` for every distinct document of the corpus, in order, except those left out of the sample.
    private func forEachDocument(
        from start: PreparationCheckpoint, _ listing: CorpusListing, _ seen: SeenDocuments,
        encode: @escaping @Sendable ([UInt8]) throws -> [UInt8],
        document: ((content: ArraySlice<UInt8>, isValidation: Bool)) throws -> Void,
        afterJob: ((position: CorpusPosition, progress: PreparationProgress)) throws -> Void
    ) throws -> PreparationReport {
        var cutter = try CorpusCutter(self, from: start.position)
        let worker = DocumentWorker(
            options: self, keep: maximumBytes.map { min(1, Double($0) / Double(max(1, listing.bytes))) } ?? 1,
            seen: seen.set, encode: encode)
        var progress = PreparationProgress(
            report: start.report, bytesRead: start.position.bytesRead, bytesTotal: listing.bytes,
            bytesResumed: start.position.bytesRead)
        try afterJob((start.position, progress))
        try OrderedWork(workers: workers, budget: max(16, 8 * workers) << 20).run(
            next: { try cutter.next() }, cost: { $0.bytes }, work: { try worker.run($0) },
            take: { job in
                progress.report.skip(job.skipped)
                for found in job.documents {
                    guard try seen.insert(found.fingerprint) else {
                        progress.report.skip(["duplicates": 1])
                        continue
                    }
                    switch found.side {
                    case .leftOut:
                        progress.report.skip(["left out by the size limit": 1])
                        continue
                    case .validation:
                        progress.report.validationDocuments += 1
                        progress.report.validationBytes += found.bytes
                    case .training:
                        progress.report.trainDocuments += 1
                        progress.report.trainBytes += found.bytes
                    }
                    try document((job.contents[found.range], found.side == .validation))
                }
                progress.bytesRead = job.end.bytesRead
                try afterJob((job.end, progress))
            })
        progress.report.skip(cutter.skippedByWalk)
        return progress.report
    }

    /// A digest of everything that the shards depend on: options, input files and tokenizer.
    private func digest(_ listing: CorpusListing, _ tokenizer: any Tokenizer) -> String {
        var options = self
        // Neither affects the shards.
        (options.workers, options.checkpointInterval) = (0, .zero)
        options.fileExtensions = nil
        let words = "1 \(options) \(fileExtensions?.sorted() ?? []) \(listing) \(tokenizer.digest)"
        return SHA256.hex(of: Array(words.utf8))
    }
}

/// The input files, found in a first walk; the second walk must find the same.
struct CorpusListing {
    private(set) var files = 0
    private(set) var bytes = 0
    /// A hash of all paths, sizes and modification times.
    private(set) var digest: UInt64 = 0

    init(_ options: CorpusPreparation) throws(PreparationError) {
        var walk = try SourceWalk(options.inputs, filter: options.filter)
        while let file = walk.next() {
            files += 1
            bytes += file.size
            for byte in file.path { digest = (digest ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            for value in [file.size, file.changed] {
                digest = SplitMix64.mix(digest ^ SplitMix64.mix(UInt64(truncatingIfNeeded: value)))
            }
        }
    }
}

/// The files that a preparation writes.
private struct GrowingShards {
    let start: PreparationCheckpoint
    let train: TokenShardWriter
    let validation: TokenShardWriter
    let seen: SeenDocuments

    init(
        in folder: URL, _ growing: URL, _ tokenizer: any Tokenizer, from start: PreparationCheckpoint
    ) throws(ShardError) {
        func writer(_ name: String, _ documents: Int, _ tokens: Int) throws(ShardError) -> TokenShardWriter {
            try TokenShardWriter(
                folder.appendingPathComponent(name), tokenizer: tokenizer,
                temporary: growing.appendingPathComponent(name), documents: documents, tokens: tokens)
        }
        self.start = start
        train = try writer("train.tokens", start.report.trainDocuments, start.trainTokens)
        validation = try writer("validation.tokens", start.report.validationDocuments, start.validationTokens)
        seen = try SeenDocuments(in: growing, resuming: start.fingerprints)
    }
}

/// The documents seen so far, with a log from which another process can resume.
private final class SeenDocuments {
    let set: FingerprintSet
    private let log: PartialFile
    private let file: String
    var count: Int { log.count / 16 }

    init(in folder: URL, resuming count: Int) throws(ShardError) {
        let url = folder.appendingPathComponent("fingerprints")
        file = url.relativePath
        do throws(FileFailure) {
            set = try FingerprintSet(at: folder.appendingPathComponent("table"))
            log = try PartialFile(url, keeping: count * 16)
            guard count > 0 else { return }
            let mapping = try FileMapping(of: url)
            for index in 0..<count {
                func word(_ offset: Int) -> UInt64 {
                    UInt64(
                        littleEndian: mapping.bytes.loadUnaligned(fromByteOffset: index * 16 + offset, as: UInt64.self))
                }
                _ = try set.insert(Fingerprint(high: word(0), low: word(8)))
            }
            withExtendedLifetime(mapping) {}
        } catch {
            throw .system(file: url.relativePath, action: error.action, reason: error.reason)
        }
    }

    /// Adds a document. Returns false if it was seen before.
    func insert(_ fingerprint: Fingerprint) throws(ShardError) -> Bool {
        do throws(FileFailure) {
            guard try set.insert(fingerprint) else { return false }
            for word in [fingerprint.high, fingerprint.low] {
                try withUnsafeBytes(of: word.littleEndian) { bytes in
                    Result { () throws(FileFailure) in try log.append(bytes) }
                }.get()
            }
            return true
        } catch {
            throw .system(file: file, action: error.action, reason: error.reason)
        }
    }

    func flush() throws(ShardError) {
        do throws(FileFailure) {
            try log.flush()
        } catch {
            throw .system(file: file, action: error.action, reason: error.reason)
        }
    }
}
