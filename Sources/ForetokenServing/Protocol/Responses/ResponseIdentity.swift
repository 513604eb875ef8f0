/// What all chunks of an answer have in common.
package struct ResponseIdentity: Sendable, Equatable {
    /// `cmpl-…` or `chatcmpl-…`.
    package var id: String
    /// Seconds since 1970.
    package var created: Int
    /// The served model's name.
    package var model: String
    /// Identifies the model and the server's version.
    package var fingerprint: String

    package init(id: String, created: Int, model: String, fingerprint: String) {
        (self.id, self.created, self.model, self.fingerprint) = (id, created, model, fingerprint)
    }

    /// A new random identifier.
    ///
    /// - Parameter prefix: `cmpl-` or `chatcmpl-`.
    package static func newID(_ prefix: String) -> String {
        let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        return prefix + String(repeating: "0", count: 16 - digits.count) + digits
    }

    func write(object: String, to json: inout JSONWriter) {
        json.string("id", id)
        json.string("object", object)
        json.integer("created", created)
        json.string("model", model)
        json.string("system_fingerprint", fingerprint)
    }
}
