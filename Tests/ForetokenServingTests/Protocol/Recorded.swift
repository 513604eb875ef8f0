import Foundation
import Testing

/// Texts that were recorded once and checked with the clients that read them, by `Fixtures/validate.py`.
enum Recorded {
    /// Compares a text with the recorded one.
    ///
    /// With `FORETOKEN_RECORD=FOLDER` in the environment it is written there instead: to record it again, or for
    /// `validate.py`.
    static func expect(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        if let folder = ProcessInfo.processInfo.environment["FORETOKEN_RECORD"] {
            try Data((text + "\n").utf8).write(to: URL(filePath: folder).appending(path: name))
            return
        }
        let url = Bundle.module.bundleURL.appending(path: "Fixtures/Responses/\(name)")
        let recorded = try String(decoding: Data(contentsOf: url), as: UTF8.self)
        #expect(text + "\n" == recorded, sourceLocation: sourceLocation)
    }

    /// Writes a text for `validate.py` that is not worth keeping.
    static func offer(_ text: String, _ name: String) throws {
        guard let folder = ProcessInfo.processInfo.environment["FORETOKEN_RECORD"] else { return }
        try Data((text + "\n").utf8).write(to: URL(filePath: folder).appending(path: name))
    }
}
