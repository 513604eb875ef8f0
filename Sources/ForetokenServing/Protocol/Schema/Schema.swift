package import ForetokenFiles

/// The shape of a JSON value: what a request's key may hold, and what the API's document says about it.
///
/// One table describes a request; it is checked against it, and `/openapi.json` is written from it.
package indirect enum Schema: Sendable {
    /// This value.
    case constant(JSONValue)
    case boolean
    /// An integer; a number such as `16.0` counts as one.
    case integer(ClosedRange<Int>)
    /// A number, possibly greater than the range's lower bound only.
    case number(ClosedRange<Double>, isOpenBelow: Bool = false)
    /// A string whose number of bytes is in a range.
    case string(ClosedRange<Int> = 0...Int.max)
    /// One of these strings.
    case name([String])
    case array(of: Schema, count: ClosedRange<Int> = 0...Int.max)
    /// An object with these keys; it may have others.
    case object([Field])
    /// An object with any keys and values of one kind.
    case dictionary(of: Schema)
    /// One of several kinds; the first that matches.
    case any([Schema])
    /// Any value.
    case anything
}

/// A key of an object.
package struct Field: Sendable {
    /// The key.
    package let name: String
    /// What it may hold; keys that are not required may also be `null`.
    package let schema: Schema
    /// What it means.
    package let about: String
    /// What a missing key means.
    package let defaultValue: JSONValue?
    /// Whether the key must be there.
    package let isRequired: Bool
    /// What to do about a value that another server would honour and this one does not; nil for supported keys, whose other
    /// values are mistakes.
    package let remedy: String?

    /// A key that may be left out.
    package init(_ name: String, _ schema: Schema, default value: JSONValue? = nil, _ about: String) {
        (self.name, self.schema, self.about, defaultValue) = (name, schema, about, value)
        (isRequired, remedy) = (false, nil)
    }

    /// A key that must be there.
    package init(required name: String, _ schema: Schema, _ about: String) {
        (self.name, self.schema, self.about, defaultValue) = (name, schema, about, nil)
        (isRequired, remedy) = (true, nil)
    }

    /// A key of other servers of which only values without an effect are accepted.
    package init(unsupported name: String, _ neutral: Schema, _ remedy: String) {
        (self.name, schema, defaultValue, isRequired) = (name, neutral, nil, false)
        (about, self.remedy) = ("Not supported: accepted only without an effect; \(remedy).", remedy)
    }
}
