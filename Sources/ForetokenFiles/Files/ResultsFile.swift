package import ForetokenPlatform

/// What can be wrong with a file of results that a run is to go on with.
public enum ResultsFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// It is one of the files that the run reads.
    case isInput(file: String)
    /// It is packed, or its name says so; lines could not be appended to it.
    case packed(file: String)
    /// Another process writes to it.
    case inUse(file: String)
    /// A line, counted from one, that this run would not have written; nothing was changed.
    case foreign(file: String, line: Int)
    /// The system would not read or write it; `action` is what failed.
    case system(file: String, action: String, reason: String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .isInput(let file):
            "\(file): is read by this run and would be overwritten; name another file for its results"
        case .packed(let file): "\(file): results are appended to as plain JSONL, not packed; name another file"
        case .inUse(let file): "\(file): another process writes its results there; wait for it, or name another file"
        case .foreign(let file, let line):
            "\(file): line \(line) is not of this run: other inputs, another model, other settings or an earlier version of foretoken; "
                + "name another file, or give the same arguments to resume"
        case .system(let file, let action, let reason): "\(file): cannot \(action) it: \(reason)"
        }
    }
}

/// A JSONL file of results that an interrupted run goes on with: lines that are there stay, and one that the run did not
/// finish is cut off. A file that holds anything else is refused and stays as it is.
package final class ResultsFile {
    private let name: String
    private let handle: OpenFile

    /// Opens the results of a run, at their end; there need be none.
    ///
    /// - Parameters:
    ///   - url: The file.
    ///   - inputs: Files that the run reads.
    ///   - line: Takes over a line and its number from one; false, or any error of the line's own, refuses the file.
    ///   - unfinished: How a line that was not finished can begin, as objects without what the run would have found out.
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

    /// Fails where no results could be written, whatever the file holds; leaves an empty file where there was none.
    ///
    /// - Throws: ``ResultsFileError``.
    package static func check(_ url: URL, inputs: [URL]) throws(ResultsFileError) { _ = try openLocked(url, inputs) }

    private static func openLocked(_ url: URL, _ inputs: [URL]) throws(ResultsFileError) -> OpenFile {
        let name = url.relativePath
        guard !["gz", "zst", "zstd"].contains(url.pathExtension) else { throw .packed(file: name) }
        // O_NONBLOCK: a pipe without a reader would be waited for.
        let descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else {
            throw .system(file: name, action: "write", reason: String(cString: strerror(errno)))
        }
        let handle = OpenFile(descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .system(
                file: name, action: "write",
                reason: "it is not a regular file, and a run must be able to go on with its results")
        }
        // Freed by the kernel when the process ends, however it ends.
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

    /// - Returns: the bytes to keep, and whether their last line has its end.
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
    /// Whether a cut line can be of an object that begins with this one's keys and values.
    fileprivate func mayBegin(_ line: UnsafeRawBufferPointer) -> Bool {
        guard let text = try? text() else { return false }
        // Without the brace that ends it; another key follows.
        let beginning = Array(text.utf8.dropLast()) + Array(",".utf8)
        return beginning.starts(with: line) || line.starts(with: beginning)
    }
}
