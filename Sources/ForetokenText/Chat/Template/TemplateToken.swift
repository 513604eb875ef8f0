/// A token of a template.
struct TemplateToken {
    enum Kind: Equatable {
        /// Text outside tags.
        case data([UInt8])
        case variableBegin
        case variableEnd
        case blockBegin
        case blockEnd
        case name(String)
        case string([UInt8])
        case integer(Int)
        case float(Double)
        /// An operator or bracket.
        case symbol(String)
        case end
    }

    var kind: Kind
    /// The byte offset of its first byte.
    var offset: Int

    /// For messages.
    var text: String {
        switch kind {
        case .data: "text"
        case .variableBegin: "'{{'"
        case .variableEnd: "'}}'"
        case .blockBegin: "'{%'"
        case .blockEnd: "'%}'"
        case .name(let name): "'\(name)'"
        case .string: "a string"
        case .integer, .float: "a number"
        case .symbol(let symbol): "'\(symbol)'"
        case .end: "the end of the template"
        }
    }
}
