import ForetokenFiles
import ForetokenFormats
import Foundation
import Testing

@testable import ForetokenModel

/// A GGUF model made by the gguf package (Fixtures/gguf/make.py).
struct GGUFFixture: Sendable, CustomTestStringConvertible {
    let name: String
    var testDescription: String { name }

    static let all = ["llama-k", "llama-bias", "mistral", "qwen2", "qwen3"].map(GGUFFixture.init)
    /// Those with a tokenizer.
    static let withTokenizer = all.filter { $0.name != "llama-k" }

    private func file(_ ending: String) throws -> URL {
        try #require(Bundle.module.url(forResource: "Fixtures/gguf/\(name)", withExtension: ending))
    }

    /// A file elsewhere instead of the fixture's.
    private var other: URL?

    init(name: String) { self.name = name }

    init(url: URL) { (name, other) = (url.lastPathComponent, url) }

    var url: URL { get throws { try other ?? file("gguf") } }
    /// Tokens and logits.
    var expected: URL { get throws { try file("safetensors") } }

    /// Texts and their tokens by Hugging Face's library.
    var texts: [(text: String, tokens: [Int32])] {
        get throws {
            try JSONNode(contentsOf: file("json")).array().map { node in
                (try node["text"].string(), try node["tokens"].array().map { Int32(try $0.integer()) })
            }
        }
    }

    /// Writes a copy with other metadata and tensors.
    func rewritten(
        to url: URL, metadata change: (inout [(String, GGUFValue)]) -> Void = { _ in },
        tensors changeTensors: (inout [GGUFTensor]) -> Void = { _ in }
    ) throws {
        let file = try GGUFFile(contentsOf: self.url)
        var metadata = try file.keys.compactMap { key in try Self.value(file, key).map { (key, $0) } }
        var tensors = file.entries.map { entry in
            GGUFTensor(name: entry.name, shape: entry.shape, type: entry.type, byteCount: entry.byteRange.count) {
                write in
                try file.withBytes(of: entry.name, write)
            }
        }
        change(&metadata)
        changeTensors(&tensors)
        try GGUFWriter.write(to: url, metadata: metadata, tensors: tensors)
    }

    private static func value(_ file: GGUFFile, _ key: String) throws -> GGUFValue? {
        if let number = try? file.integer(key, in: 0 ... .max) { return .uint32(number) }
        if let number = try? file.double(key) { return .float32(number) }
        if let flag = try? file.bool(key) { return .bool(flag) }
        if let text = try? file.text(key) { return .string(text) }
        if let texts = try? file.strings(key) { return .strings(texts.map { String(decoding: $0, as: UTF8.self) }) }
        if let numbers = try? file.floats(key) { return .floats(numbers) }
        return try file.integers(key).map { .int32s($0.map { Int32($0) }) }
    }
}

extension [(String, GGUFValue)] {
    /// Sets, adds or removes a value.
    mutating func set(_ key: String, _ value: GGUFValue?) {
        removeAll { $0.0 == key }
        if let value { append((key, value)) }
    }
}
