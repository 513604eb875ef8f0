import ForetokenFiles
import ForetokenPlatform

/// `generation_config.json`, by which other programs find the tokens that end a text.
enum GenerationSettings {
    static let name = "generation_config.json"

    /// The settings that name tokens, over others.
    static func value(
        beginning: Int32?, ends: [Int32], padding: Int32?, over settings: JSONObject = JSONObject()
    ) -> JSONValue {
        func number(_ token: Int32) -> JSONValue { .integer(Int(token)) }
        var object = settings
        if let beginning { object["bos_token_id"] = number(beginning) }
        if let end = ends.first { object["eos_token_id"] = ends.count > 1 ? .array(ends.map(number)) : number(end) }
        if let padding { object["pad_token_id"] = number(padding) }
        return .object(object)
    }

    /// Writes a source's settings with all of the model's tokens into a folder.
    static func write(_ configuration: ModelConfiguration, of source: any WeightSource, to folder: URL) throws {
        let settings = try source.companion(name).map { try JSONNode(companion: $0).object() } ?? JSONObject()
        let roles = configuration.tokenRoles
        try value(
            beginning: roles.beginning ?? configuration.beginningOfText, ends: configuration.endTokens,
            padding: roles.padding, over: settings
        ).write(to: folder.appendingPathComponent(name))
    }
}
