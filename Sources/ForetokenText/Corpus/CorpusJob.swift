import ForetokenFiles
import ForetokenPlatform

/// A position in the reading order of a corpus.
struct CorpusPosition: Sendable, Equatable {
    /// The number of finished files.
    var file = 0
    /// The number of processed bytes of the next file, after decompression.
    var offset = 0
    /// The number of processed lines of the next file.
    var line = 0
    /// Bytes of input files read so far, for progress.
    var bytesRead = 0
}

/// A unit of work: several files, or a part of a large one.
struct CorpusJob: Sendable {
    enum Part: Sendable {
        /// A file that is one document.
        case file(CorpusFile)
        /// A document cut from a large text file.
        case text([UInt8])
        /// Whole lines of a JSONL file, and the number of the first line, from one.
        case lines([UInt8], of: CorpusFile, first: Int)
    }
    var parts: [Part] = []
    /// The number of skipped files and lines, by reason.
    var skipped: [String: Int] = [:]
    /// The start of the next job.
    var end = CorpusPosition()
    /// The approximate memory use in bytes.
    var bytes = 0

    fileprivate mutating func countBadLines(_ reader: PieceReader) {
        let count = reader.takeBadLines()
        if count > 0 { skipped["bad lines", default: 0] += count }
    }
}

/// Divides the files of a walk into jobs, deterministically; reads large files in pieces.
struct CorpusCutter {
    private let options: CorpusPreparation
    private var walk: SourceWalk
    private var position = CorpusPosition()
    private var open: PieceReader?
    /// The position from which an interrupted preparation resumes.
    private let start: CorpusPosition

    /// The maximum number of files in a job.
    private static let filesPerJob = 128
    /// The size at which a job is complete; a single large file or piece may exceed it.
    private static let bytesPerJob = 1 << 20

    init(_ options: CorpusPreparation, from start: CorpusPosition) throws(PreparationError) {
        self.options = options
        self.start = start
        walk = try SourceWalk(options.inputs, filter: options.filter)
    }

    /// The number of files that the walk skipped, by reason.
    var skippedByWalk: [String: Int] { walk.skipped }

    /// The next job; nil at the end.
    ///
    /// - Throws: ``PreparationError`` for a JSONL file that cannot be read.
    mutating func next() throws -> CorpusJob? {
        var job = CorpusJob()
        while job.bytes < Self.bytesPerJob, job.parts.count < Self.filesPerJob {
            if open != nil {
                // A piece of a large file is a separate job.
                guard job.parts.isEmpty else { break }
                if try readPiece(into: &job) { return job }
                continue
            }
            guard let file = walk.next() else { break }
            if position.file < start.file {
                position.file += 1
                position.bytesRead += file.size
                continue
            }
            try add(file, to: &job)
        }
        guard !job.parts.isEmpty || !job.skipped.isEmpty else { return nil }
        job.end = position
        return job
    }

    private mutating func add(_ file: CorpusFile, to job: inout CorpusJob) throws {
        let isLines = options.field != nil && ["jsonl", "ndjson"].contains(file.ending)
        let isLarge = file.size > options.maximumFileBytes
        if isLines || options.splitsLargeFiles && (isLarge || file.isNamedPacked) {
            do throws(FileFailure) {
                open = try PieceReader(
                    file, isLines: isLines, largest: isLines ? options.maximumLineBytes : options.maximumFileBytes,
                    skipsBad: options.skipsBadLines)
                if position.file == start.file, start.offset > 0 {
                    try open?.skip(to: start.offset, line: start.line)
                }
            } catch {
                if isLines, !options.skipsBadLines {
                    throw PreparationError.unreadable(
                        file: file.shown, reason: "cannot \(error.action): \(error.reason)")
                }
                job.skipped["unreadable", default: 0] += 1
                finish(file)
            }
            return
        }
        if isLarge {
            job.skipped["too large", default: 0] += 1
        } else if file.size < options.minimumFileBytes, file.size > 0 {
            job.skipped["too small", default: 0] += 1
        } else {
            job.parts.append(.file(file))
            job.bytes += file.size + 200
        }
        finish(file)
    }

    private mutating func finish(_ file: CorpusFile) {
        position.file += 1
        position.bytesRead += file.size
        (position.offset, position.line) = (0, 0)
    }

    /// Reads the next piece of the open file; false at the end of the file.
    private mutating func readPiece(into job: inout CorpusJob) throws -> Bool {
        guard let reader = open else { return false }
        do throws(PieceFault) {
            let first = reader.line + 1
            if let piece = try reader.next() {
                job.bytes += piece.count
                job.parts.append(reader.isLines ? .lines(piece, of: reader.file, first: first) : .text(piece))
                job.countBadLines(reader)
                (position.offset, position.line) = (reader.offset, reader.line)
                job.end = position
                job.end.bytesRead += min(reader.bytesTaken, reader.file.size)
                return true
            }
            job.countBadLines(reader)
        } catch {
            job.countBadLines(reader)
            if !options.skipsBadLines, reader.isLines {
                switch error {
                case .line(let line, let reason):
                    throw PreparationError.badLine(file: reader.file.shown, line: line, reason: reason)
                case .file(let failure):
                    throw PreparationError.unreadable(
                        file: reader.file.shown,
                        reason: "cannot \(failure.action) after line \(reader.line): \(failure.reason)")
                }
            }
            job.skipped["damaged files", default: 0] += 1
        }
        open = nil
        finish(reader.file)
        return false
    }
}

/// An error while reading a large file.
enum PieceFault: Error {
    case line(Int, reason: String)
    case file(FileFailure)
}

/// Reads a large file in pieces of whole lines.
///
/// Pieces of JSONL have about 1 MiB; a line longer than `largest` is an error or is skipped. Pieces of text are documents of at
/// most `largest` bytes; longer lines are split between characters.
final class PieceReader {
    let file: CorpusFile
    let isLines: Bool
    /// The numbers of bytes and lines returned or skipped so far.
    private(set) var offset = 0
    private(set) var line = 0
    private let reader: UnpackingReader
    private let largest: Int
    private let skipsBad: Bool
    private var buffer: [UInt8] = []
    private var isAtEnd = false
    /// A read error, reported after the bytes that were read before it.
    private var fault: FileFailure?
    private var badLines = 0
    private static let step = 1 << 20

    init(_ file: CorpusFile, isLines: Bool, largest: Int, skipsBad: Bool) throws(FileFailure) {
        (self.file, self.isLines, self.largest, self.skipsBad) = (file, isLines, largest, skipsBad)
        reader = try UnpackingReader(path: file.path, followingLinks: false)
    }

    var bytesTaken: Int { reader.bytesTaken }

    /// The number of lines skipped since the last call.
    func takeBadLines() -> Int {
        defer { badLines = 0 }
        return badLines
    }

    /// Skips to a position at which an earlier reader stopped.
    func skip(to offset: Int, line: Int) throws(FileFailure) {
        while self.offset < offset {
            fill(upTo: min(Self.step, offset - self.offset))
            guard !buffer.isEmpty else { break }
            self.offset += buffer.count
            buffer.removeAll(keepingCapacity: true)
        }
        if let fault, self.offset < offset { throw fault }
        self.line = line
    }

    /// The next piece; nil at the end.
    func next() throws(PieceFault) -> [UInt8]? {
        let wanted = isLines ? Self.step : largest
        do {
            fill(upTo: wanted)
            guard !buffer.isEmpty else { return try nothing() }
            var end = lastLineEnd()
            while isLines, end == 0 {
                if let fault { throw fault }
                guard buffer.count <= largest else {
                    guard skipsBad else {
                        throw PieceFault.line(
                            line + 1,
                            reason: "the line is longer than \(largest) bytes; raise --max-file-bytes for longer lines")
                    }
                    badLines += 1
                    skipLine()
                    fill(upTo: wanted)
                    guard !buffer.isEmpty else { return try nothing() }
                    end = lastLineEnd()
                    continue
                }
                fill(upTo: min(buffer.count * 2, largest + 1))
                end = lastLineEnd()
            }
            if end == 0 {
                if let fault { throw fault }
                end = lastCharacterEnd()
            }
            let piece = Array(buffer[..<end])
            buffer.removeFirst(end)
            offset += end
            line += piece.count { $0 == UInt8(ascii: "\n") }
            return piece
        } catch let error as FileFailure {
            throw .file(error)
        } catch let error as PieceFault {
            throw error
        } catch {
            throw .file(FileFailure(action: "read", reason: "\(error)"))
        }
    }

    /// The result with an empty buffer: nil for the end, unless reading failed.
    private func nothing() throws(FileFailure) -> [UInt8]? {
        if let fault { throw fault }
        return nil
    }

    /// The end of the last whole line in the buffer, 0 if there is none; at the end of the file the whole buffer.
    private func lastLineEnd() -> Int {
        if isAtEnd, !isLines || buffer.count <= largest { return buffer.count }
        return buffer.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    }

    /// The end of the last whole UTF-8 character in the buffer; continuation bytes begin with the bits 10.
    private func lastCharacterEnd() -> Int {
        let end = buffer.suffix(3).lastIndex { $0 & 0xC0 != 0x80 } ?? buffer.count
        return end > 0 && buffer[buffer.count - 1] >= 0x80 ? end : buffer.count
    }

    private func skipLine() {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                offset += end + 1
                buffer.removeFirst(end + 1)
                line += 1
                return
            }
            offset += buffer.count
            buffer.removeAll(keepingCapacity: true)
            fill(upTo: Self.step)
            if buffer.isEmpty { return }
        }
    }

    private func fill(upTo count: Int) {
        while !isAtEnd, fault == nil, buffer.count < count {
            let start = buffer.count
            buffer.append(contentsOf: repeatElement(0, count: count - start))
            let result = buffer.withUnsafeMutableBytes { bytes in
                Result { () throws(FileFailure) in
                    try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
                }
            }
            var filled = 0
            switch result {
            case .success(let count): (filled, isAtEnd) = (count, count == 0)
            case .failure(let failure): fault = failure
            }
            buffer.removeLast(buffer.count - start - filled)
        }
    }
}
