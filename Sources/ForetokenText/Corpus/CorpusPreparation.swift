import ForetokenFiles
public import ForetokenPlatform

/// Source files to token shards: exact duplicates removed, held-out documents split off by a seeded hash of their content.
///
/// A document's side depends on its content and the seed only, so that adding files never moves one from held-out to
/// training. The shards do not depend on the number of workers. Memory holds some megabytes of text for each worker,
/// whatever the files, and 16 to 48 bytes a document in a file that is mapped. What was killed goes on where it stood when
/// it is run again.
public struct CorpusPreparation: Sendable {
    /// Files and folders to read.
    public var inputs: [URL]
    /// Endings that count inside folders, without the dot; nil for all.
    public var fileExtensions: Set<String>?
    /// In a folder a file must match one of these patterns of gitignore(5), or lie in a folder that does; none: all files.
    public var include: [String] = []
    /// In a folder, what matches one of these patterns of gitignore(5) is left out.
    public var exclude: [String] = []
    /// Whether `.gitignore` files and a repository's `.git/info/exclude` count inside folders.
    public var honoursGitignore = true
    /// Whether files that programs wrote are skipped inside folders.
    public var skipsGenerated = true
    /// Smaller files and texts are skipped.
    public var minimumFileBytes = 0
    /// Larger files and texts are skipped.
    public var maximumFileBytes = 1 << 20
    /// Whether larger files, and compressed ones, are cut at line ends into documents that are not larger.
    public var splitsLargeFiles = false
    /// The key of the text in the lines of `.jsonl` and `.ndjson` files; without it they are texts like others.
    public var field: String?
    /// Whether lines without a document, and files that cannot be read to their end, are counted instead of being errors.
    public var skipsBadLines = false
    /// A fair sample of about so many bytes is kept, chosen by the hash.
    public var maximumBytes: Int?
    /// The share of documents held out.
    public var validationFraction = 0.02
    /// Decides the split and the sample.
    public var seed: UInt64 = 0
    /// Threads that read and encode.
    public var workers = max(1, ProcessInfo.processInfo.activeProcessorCount)

    /// The largest ``maximumFileBytes``: a document is held in memory several times over.
    public static let largestMaximum = 1 << 30
    /// How often it is written down how far the preparation is.
    var checkpointInterval = Duration.seconds(5)
    /// Lines are longer than their texts: escapes, other keys.
    var maximumLineBytes: Int { 16 << 20 + 2 * maximumFileBytes }
    var filter: WalkFilter {
        WalkFilter(
            fileExtensions: fileExtensions, include: include, exclude: exclude, honoursGitignore: honoursGitignore,
            skipsGenerated: skipsGenerated)
    }

    /// The preparation of some inputs.
    public init(inputs: [URL], fileExtensions: Set<String>? = nil) {
        self.inputs = inputs
        self.fileExtensions = fileExtensions
    }

    /// Writes `train.tokens`, `validation.tokens` and the tokenizer into a folder, or goes on with that.
    ///
    /// `progress`: called after every piece of work.
    /// - Throws: ``PreparationError``, ``ShardError``, ``TokenizerError``.
    public func run(
        into folder: URL, tokenizer: any Tokenizer, progress: (PreparationProgress) throws -> Void = { _ in }
    ) throws -> PreparationReport {
        let listing = try CorpusListing(self)
        let state = try PreparationState(in: folder, key: key(listing, tokenizer))
        func open(at start: PreparationCheckpoint) throws -> GrowingShards {
            try GrowingShards(in: folder, state.folder, tokenizer, from: start)
        }
        // What is not as it was written down (the machine failed, or a file was removed) is begun anew.
        let shards = try state.resumed.flatMap { try? open(at: $0) } ?? open(at: PreparationCheckpoint())
        let (train, validation, seen) = (shards.train, shards.validation, shards.seen)
        let packing = TokenPacking(tokenizer)
        var saved = ContinuousClock.now
        var report = try forEachDocument(
            from: shards.start, listing, seen, encode: { try packing.pack(text: $0, file: "train.tokens") },
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
        // Both are whole before either has its name.
        try train.seal()
        try validation.seal()
        try train.finish()
        try validation.finish()
        state.finish()
        return report
    }

    /// Counts the words of the documents to train on, from which a tokenizer can then be trained.
    ///
    /// - Throws: ``PreparationError``.
    public func countWords(
        into training: inout BytePairTraining, progress: (PreparationProgress) throws -> Void = { _ in }
    ) throws {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: place) }
        let report = try forEachDocument(
            from: PreparationCheckpoint(), CorpusListing(self), SeenDocuments(in: place, resuming: 0), encode: { $0 },
            document: { if !$0.isValidation { training.add(Array($0.content)) } },
            afterJob: { try progress($0.progress) })
        guard report.trainDocuments > 0 else { throw PreparationError.nothingLeft(report) }
    }

    /// The documents in their order, each one once, those that are left out aside.
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
                    try document((job.contents[found.place], found.side == .validation))
                }
                progress.bytesRead = job.end.bytesRead
                try afterJob((job.end, progress))
            })
        progress.report.skip(cutter.skippedByWalk)
        return progress.report
    }

    /// Stands for everything that the shards depend on.
    private func key(_ listing: CorpusListing, _ tokenizer: any Tokenizer) -> String {
        var options = self
        // Neither changes the shards.
        (options.workers, options.checkpointInterval) = (0, .zero)
        options.fileExtensions = nil
        let words = "1 \(options) \(fileExtensions?.sorted() ?? []) \(listing) \(tokenizer.digest)"
        return SHA256.hex(of: Array(words.utf8))
    }
}

/// What there is to read, found by a first walk: the second one must find the same.
struct CorpusListing {
    private(set) var files = 0
    private(set) var bytes = 0
    /// A hash of all paths, sizes and times of change.
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

/// What a preparation writes to.
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

/// The documents met so far, and a log of them from which another process can go on.
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

    /// Adds one; false where it is known.
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
