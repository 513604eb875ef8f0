package import ForetokenPlatform

/// An error in a results file that a run is to resume.
public enum ResultsFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// It is one of the run's inputs.
    case isInput(file: String)
    /// It is compressed, or its name says so, so lines cannot be appended.
    case packed(file: String)
    /// Another process is writing to it.
    case inUse(file: String)
    /// A line, numbered from 1, does not belong to this run; the file was not changed.
    case foreign(file: String, line: Int)
    /// Reading or writing failed; `action` is the failed action.
    case system(file: String, action: String, reason: String)

    /// The message: what is wrong and what to do next.
    public var description: String {
        switch self {
        case .isInput(let file):
            "\(file): is read by this run and would be overwritten; name another file for its results"
        case .packed(let file): "\(file): results files must be uncompressed JSONL; name another file"
        case .inUse(let file):
            "\(file): another process is writing its results there; wait for it, or name another file"
        case .foreign(let file, let line):
            "\(file): line \(line) does not belong to this run: other inputs, another model, other settings or an earlier version "
                + "of foretoken; name another file, or give the same arguments to resume"
        case .system(let file, let action, let reason): "\(file): cannot \(action) it: \(reason)"
        }
    }
}

/// A JSONL file of results that an interrupted run can resume. Existing lines stay and an incomplete last line is removed. A
/// file that holds anything else is rejected and not changed.
package final class ResultsFile {
    private let name: String
    private let handle: OpenFile

    /// Opens or creates a run's results file and seeks to its end.
    ///
    /// - Parameters:
    ///   - url: The file.
    ///   - inputs: Files that the run reads.
    ///   - line: Called with each existing line and its number from 1; returning false or throwing rejects the file.
    ///   - unfinished: The possible beginnings of an incomplete line, as objects with the keys known before the result.
    /// - Throws: ``ResultsFileError``.
    package init(
        resuming url: URL, inputs: [URL], line: (JSONNode, _ number: Int) throws -> Bool,
        unfinished: () -> [JSONValue]
    ) throws(ResultsFileError) {
        name = url.relativePath
        handle = try Self.openLocked(url, inputs)
        func system(_ action: String, _ reason: String) -> ResultsFileError {
            .system(file: url.relativePath, action: action, reason: reason)
        }
        let mapping: FileMapping
        do throws(FileFailure) { mapping = try FileMapping(of: url) } catch { throw system(error.action, error.reason) }
        let (end, isWhole) = try withExtendedLifetime(mapping) { () throws(ResultsFileError) in
            try Self.check(mapping.bytes, url.relativePath, line: line, unfinished: unfinished)
        }
        guard ftruncate(handle.descriptor, off_t(end)) == 0, lseek(handle.descriptor, 0, SEEK_END) >= 0 else {
            throw system("write", String(cString: strerror(errno)))
        }
        if !isWhole { try write([0x0A]) }
    }

    /// Checks that results can be written, whatever the file holds; creates an empty file if there is none.
    ///
    /// - Throws: ``ResultsFileError``.
    package static func check(_ url: URL, inputs: [URL]) throws(ResultsFileError) { _ = try openLocked(url, inputs) }

    private static func openLocked(_ url: URL, _ inputs: [URL]) throws(ResultsFileError) -> OpenFile {
        let name = url.relativePath
        guard !["gz", "zst", "zstd"].contains(url.pathExtension) else { throw .packed(file: name) }
        // O_NONBLOCK: opening a pipe without a reader would block.
        let descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else {
            throw .system(file: name, action: "write", reason: String(cString: strerror(errno)))
        }
        let handle = OpenFile(descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .system(
                file: name, action: "write",
                reason: "it is not a regular file, so an interrupted run could not be resumed")
        }
        // The kernel releases the lock when the process ends, even by a crash.
        guard FileLock.take(descriptor) else { throw .inUse(file: name) }
        for input in inputs {
            var other = stat()
            if stat(input.path, &other) == 0, other.st_dev == status.st_dev, other.st_ino == status.st_ino {
                throw .isInput(file: name)
            }
        }
        return handle
    }

    /// Appends a line.
    ///
    /// - Throws: ``ResultsFileError``.
    package func append(_ value: JSONValue) throws {
        try write(Array((try value.text() + "\n").utf8))
    }

    private func write(_ bytes: [UInt8]) throws(ResultsFileError) {
        do throws(FileFailure) {
            try handle.write(bytes)
        } catch {
            throw .system(file: name, action: error.action, reason: error.reason)
        }
    }

    /// - Returns: the number of bytes to keep, and whether their last line ends in a newline.
    private static func check(
        _ bytes: UnsafeRawBufferPointer, _ name: String, line: (JSONNode, Int) throws -> Bool,
        unfinished: () -> [JSONValue]
    ) throws(ResultsFileError) -> (Int, isWhole: Bool) {
        guard !bytes.starts(with: [0x1F, 0x8B]), !bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) else {
            throw .packed(file: name)
        }
        var (start, number) = (0, 0)
        while start < bytes.count {
            number += 1
            let newline = bytes[start...].firstIndex(of: 0x0A)
            let text = UnsafeRawBufferPointer(rebasing: bytes[start..<(newline ?? bytes.count)])
            let value = try? JSONValue(parsing: text, file: name)
            if value == nil, newline == nil {
                guard unfinished().contains(where: { $0.mayBegin(text) }) else {
                    throw .foreign(file: name, line: number)
                }
                return (start, true)
            }
            guard let value, case .object = value, (try? line(JSONNode(value, file: name), number)) == true else {
                throw .foreign(file: name, line: number)
            }
            guard let newline else { return (bytes.count, false) }
            start = newline + 1
        }
        return (bytes.count, true)
    }
}

extension JSONValue {
    /// Whether a truncated line may be an object that begins with this one's keys and values.
    fileprivate func mayBegin(_ line: UnsafeRawBufferPointer) -> Bool {
        guard let text = try? text() else { return false }
        // Without the closing brace, since another key follows.
        let beginning = Array(text.utf8.dropLast()) + Array(",".utf8)
        return beginning.starts(with: line) || line.starts(with: beginning)
    }
}
