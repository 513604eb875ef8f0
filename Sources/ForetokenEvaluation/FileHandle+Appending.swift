import Foundation

extension FileHandle {
    /// A file of results to go on with, at its end.
    ///
    /// - Throws: ``EvaluationError/system(file:reason:)``.
    static func appending(to out: URL) throws -> FileHandle {
        do {
            let handle = try FileHandle(forWritingTo: out)
            try handle.seekToEnd()
            return handle
        } catch {
            throw EvaluationError.system(file: out.relativePath, reason: "cannot be written")
        }
    }
}
