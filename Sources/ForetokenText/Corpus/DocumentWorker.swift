import ForetokenFiles
import ForetokenPlatform

/// The documents of a job, encoded for a shard, in a single buffer.
struct PreparedJob: Sendable {
    struct Document: Sendable {
        let fingerprint: Fingerprint
        /// The size of the text in bytes.
        let bytes: Int
        let side: Side
        /// The range in `contents`; empty for a document that is left out or was seen before.
        let range: Range<Int>
    }
    enum Side: Sendable { case training, validation, leftOut }
    fileprivate(set) var documents: [Document] = []
    fileprivate(set) var contents: [UInt8] = []
    var skipped: [String: Int]
    let end: CorpusPosition
}

/// Reads, checks, hashes and encodes documents. Shared by several threads; `OrderedWork` restores the order of the results.
struct DocumentWorker: Sendable {
    let options: CorpusPreparation
    /// The fraction of documents to keep.
    let keep: Double
    /// The documents seen so far, which are not encoded again.
    let seen: FingerprintSet
    /// Encodes a document for the shard.
    let encode: @Sendable ([UInt8]) throws -> [UInt8]

    func run(_ job: CorpusJob) throws -> PreparedJob {
        var result = PreparedJob(skipped: job.skipped, end: job.end)
        result.contents.reserveCapacity(job.bytes)
        for part in job.parts {
            switch part {
            case .text(let text): try add(text, to: &result)
            case .file(let file):
                guard let text = read(file, &result) else { continue }
                let isGenerated =
                    options.skipsGenerated && !file.isNamed
                    && text.withUnsafeBytes { GeneratedFiles.isGenerated($0, ending: file.ending) }
                if isGenerated { result.skip("generated") } else { try add(text, to: &result) }
            case .lines(let lines, let file, let first): try add(lines, of: file, first, to: &result)
            }
        }
        return result
    }

    /// The decompressed text of a file; nil if it is skipped.
    private func read(_ file: CorpusFile, _ result: inout PreparedJob) -> [UInt8]? {
        do throws(FileFailure) {
            let reader = try UnpackingReader(path: file.path, followingLinks: false)
            // Checked while reading: the file may have grown since the walk, or be larger after decompression.
            let limit = options.maximumFileBytes + 1
            var text: [UInt8] = []
            var wanted = reader.isPacked ? max(4 * file.size, 1 << 12) : file.size + 1
            while text.count < limit {
                let (start, end) = (text.count, min(wanted, limit))
                text.append(contentsOf: repeatElement(0, count: end - start))
                let filled = try text.withUnsafeMutableBytes { bytes in
                    Result { () throws(FileFailure) in
                        try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end]))
                    }
                }.get()
                text.removeLast(end - start - filled)
                if filled == 0 { break }
                if text.count == end { wanted = 2 * end }
            }
            if text.count < limit { return text }
            result.skip("too large")
        } catch {
            result.skip(error.action == "unpack" ? "damaged files" : "unreadable")
        }
        return nil
    }

    private func add(_ lines: [UInt8], of file: CorpusFile, _ first: Int, to result: inout PreparedJob) throws {
        guard let field = options.field.map(JSONField.init(key:)) else { return }
        try lines.withUnsafeBytes { lines in
            // Skips a UTF-8 byte order mark.
            var (start, number) = (first == 1 && lines.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0, first - 1)
            while start < lines.count {
                let remaining = UnsafeRawBufferPointer(rebasing: lines[start...])
                let end = remaining.offset(of: UInt8(ascii: "\n")) ?? remaining.count
                let line = UnsafeRawBufferPointer(rebasing: remaining[..<end])
                start += end + 1
                number += 1
                if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
                let text: [UInt8]
                do throws(LineFault) {
                    text = try field.text(in: line)
                } catch {
                    guard options.skipsBadLines else {
                        throw PreparationError.badLine(file: file.shown, line: number, reason: error.reason)
                    }
                    result.skip("bad lines")
                    continue
                }
                if text.count > options.maximumFileBytes {
                    result.skip("too large")
                } else if text.count < options.minimumFileBytes, !text.isEmpty {
                    result.skip("too small")
                } else {
                    try add(text, to: &result)
                }
            }
        }
    }

    private func add(_ text: [UInt8], to result: inout PreparedJob) throws {
        guard !text.isEmpty else { return result.skip("empty") }
        guard text.withUnsafeBytes({ $0.offset(of: 0) }) == nil else { return result.skip("binary") }
        guard (try? UTF8Span(validating: text.span)) != nil else { return result.skip("not UTF-8") }
        let fingerprint = text.withUnsafeBytes { Fingerprint(of: $0) }
        let start = result.contents.count
        var side = PreparedJob.Side.leftOut
        // `seen` is filled in the order of the corpus, so a document in it precedes this one.
        if fingerprint.fraction(seed: options.seed, salt: 1) < keep, !seen.contains(fingerprint) {
            let isValidation = fingerprint.fraction(seed: options.seed, salt: 2) < options.validationFraction
            side = isValidation ? .validation : .training
            do {
                result.contents += try encode(text)
            } catch TokenizerError.unencodable {
                // Learning a text without some of its bytes would be learning another text.
                return result.skip("with bytes that the tokenizer lacks")
            }
        }
        result.documents.append(
            .init(fingerprint: fingerprint, bytes: text.count, side: side, range: start..<result.contents.count))
    }
}

extension PreparedJob {
    fileprivate mutating func skip(_ reason: String) { skipped[reason, default: 0] += 1 }
}

extension UnsafeRawBufferPointer {
    /// The offset of the first occurrence of a byte, found with `memchr`.
    fileprivate func offset(of byte: UInt8) -> Int? {
        guard let baseAddress, let found = memchr(baseAddress, Int32(byte), count) else { return nil }
        return UnsafeRawPointer(found) - baseAddress
    }
}
