import ForetokenFiles
import ForetokenPlatform

/// The documents of a job, ready for a shard, in one piece of memory.
struct PreparedJob: Sendable {
    struct Document: Sendable {
        let fingerprint: Fingerprint
        /// Bytes of the text.
        let bytes: Int
        let side: Side
        /// Where it is in the contents; empty for one that is left out, or was met before.
        let place: Range<Int>
    }
    enum Side: Sendable { case training, validation, leftOut }
    fileprivate(set) var documents: [Document] = []
    fileprivate(set) var contents: [UInt8] = []
    var skipped: [String: Int]
    let end: CorpusPosition
}

/// Reads, checks, hashes and encodes documents. Several threads use one at a time; the order of the results is not theirs.
struct DocumentWorker: Sendable {
    let options: CorpusPreparation
    /// The share of the text that is kept.
    let keep: Double
    /// Documents met so far; what is here already need not be encoded.
    let seen: FingerprintSet
    /// What a document becomes in the shard.
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

    /// A file's text, unpacked; nil where it is passed over.
    private func read(_ file: CorpusFile, _ result: inout PreparedJob) -> [UInt8]? {
        do throws(FileFailure) {
            let reader = try UnpackingReader(path: file.path, followingLinks: false)
            // What grew since it was found, or unpacks to more.
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
            // Editors of Windows begin a text with a mark.
            var (start, number) = (first == 1 && lines.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0, first - 1)
            while start < lines.count {
                let rest = UnsafeRawBufferPointer(rebasing: lines[start...])
                let end = rest.place(of: UInt8(ascii: "\n")) ?? rest.count
                let line = UnsafeRawBufferPointer(rebasing: rest[..<end])
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
        guard text.withUnsafeBytes({ $0.place(of: 0) }) == nil else { return result.skip("binary") }
        guard (try? UTF8Span(validating: text.span)) != nil else { return result.skip("not UTF-8") }
        let fingerprint = text.withUnsafeBytes { Fingerprint(of: $0) }
        let start = result.contents.count
        var side = PreparedJob.Side.leftOut
        // Met before means before in the corpus too: documents become known in its order.
        if fingerprint.fraction(seed: options.seed, salt: 1) < keep, !seen.contains(fingerprint) {
            let isValidation = fingerprint.fraction(seed: options.seed, salt: 2) < options.validationFraction
            side = isValidation ? .validation : .training
            result.contents += try encode(text)
        }
        result.documents.append(
            .init(fingerprint: fingerprint, bytes: text.count, side: side, place: start..<result.contents.count))
    }
}

extension PreparedJob {
    fileprivate mutating func skip(_ reason: String) { skipped[reason, default: 0] += 1 }
}

extension UnsafeRawBufferPointer {
    /// The first place of a byte, by the system's fast search.
    fileprivate func place(of byte: UInt8) -> Int? {
        guard let baseAddress, let found = memchr(baseAddress, Int32(byte), count) else { return nil }
        return UnsafeRawPointer(found) - baseAddress
    }
}
