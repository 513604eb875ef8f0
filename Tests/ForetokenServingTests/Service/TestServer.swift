import ForetokenDecoding
import ForetokenFiles
import ForetokenText
import Foundation
import Testing

@testable import ForetokenServing

/// An API that serves the published byte model with a small chat template.
struct TestServer {
    let api: API
    let model: ServedModel

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../Models/python-bytes").standardizedFileURL
    private static let template = """
        {% for message in messages %}[{{ message.role }}]
        {{ message.content }}
        {% endfor %}{% if add_generation_prompt %}[assistant]
        {% endif %}
        """

    init(_ settings: ServerSettings = ServerSettings(), cacheBytes: Int = 1 << 30) throws {
        var limits = BatchEngine.Limits()
        (limits.sequences, limits.cacheBytes) = (settings.parallel, cacheBytes)
        let language = try LanguageModel(folder: Self.folder, limits: limits)
        let chat = try ChatFormat(
            ChatTemplates(
                sources: ["default": .init(file: "chat_template.jinja", bytes: Array(Self.template.utf8))],
                specialTokens: [:]),
            tokenizer: language.tokenizer)
        model = ServedModel(name: "bytes", language: language, chat: chat)
        api = API(settings: settings)
        api.serve([model])
    }

    /// Sends a request and returns status, headers and the whole answer.
    func send(
        _ method: String, _ path: String, _ body: JSONValue? = nil, key: String? = nil
    ) async throws -> (status: Int, headers: [String: String], text: String) {
        let bytes = try body.map { Array(try $0.text().utf8) } ?? []
        let reply = await api.reply(
            to: ServerRequest(method, path, body: bytes, authorization: key.map { "Bearer \($0)" }))
        switch reply.body {
        case .whole(let bytes, _): return (reply.status, reply.headers, String(decoding: bytes, as: UTF8.self))
        case .events(let events):
            let parts = Parts()
            try await events { await parts.append($0) }
            return (reply.status, reply.headers, String(decoding: await parts.bytes, as: UTF8.self))
        }
    }

    /// Posts a request that must be answered with status 200, and returns the object.
    func post(_ path: String, _ body: JSONValue) async throws -> Answered {
        let (status, _, text) = try await send("POST", path, body)
        #expect(status == 200, "\(text)")
        return Answered(try JSONValue(parsing: text, file: "answer"))
    }

    /// Posts a request for a stream and returns its objects; the last line must end it.
    func stream(_ path: String, _ body: JSONValue, end: String? = "[DONE]") async throws -> [Answered] {
        let (status, _, text) = try await send("POST", path, body)
        #expect(status == 200)
        var frames = text.components(separatedBy: "\n\n")
        #expect(frames.popLast() == "")
        if let end { #expect(frames.popLast() == "data: \(end)") }
        return try frames.map { frame in
            #expect(frame.hasPrefix("data: "))
            return Answered(try JSONValue(parsing: String(frame.dropFirst(6)), file: "frame"))
        }
    }

    /// Posts a request that must fail, and returns status and error.
    func failure(_ path: String, _ body: JSONValue) async throws -> (status: Int, error: Answered) {
        let (status, _, text) = try await send("POST", path, body)
        return (status, Answered(try JSONValue(parsing: text, file: "answer"))["error"])
    }

    private actor Parts {
        private(set) var bytes: [UInt8] = []
        func append(_ part: [UInt8]) { bytes += part }
    }
}

/// A part of an answer; what is missing is null.
struct Answered: Equatable {
    let value: JSONValue

    init(_ value: JSONValue) { self.value = value }

    subscript(key: String) -> Answered {
        if case .object(let object) = value { Answered(object[key] ?? .null) } else { Answered(.null) }
    }

    subscript(index: Int) -> Answered { array.indices.contains(index) ? array[index] : Answered(.null) }

    var array: [Answered] { if case .array(let array) = value { array.map(Answered.init) } else { [] } }
    var string: String? { if case .string(let string) = value { string } else { nil } }
    var integer: Int? { if case .integer(let integer) = value { integer } else { nil } }
    var number: Double? {
        switch value {
        case .number(let number): number
        case .integer(let integer): Double(integer)
        default: nil
        }
    }
    var keys: [String] { if case .object(let object) = value { object.keys } else { [] } }
}
