import Foundation
import TestSupport
import Testing

@testable import ForetokenFiles

struct JSONNodeTests {
    private let config = JSONNode(
        [
            "num_hidden_layers": "32", "hidden_size": 4096, "rope_theta": 10000.0, "vocab_size": 1e30,
            "rope_scaling": .null, "tied": true, "eos": [1, "two", ["id": 3]], "name": "llama",
            "deep": ["er": ["still": .bool(false)]],
        ], file: "config.json")

    private func sentence(_ body: (JSONNode) throws -> Any) -> String? {
        thrown(JSONError.self) { _ = try body(config) }?.description
    }

    @Test func readsWhatIsThere() throws {
        #expect(try config["hidden_size"].integer() == 4096)
        #expect(try config["hidden_size"].integer(in: 1...4096) == 4096)
        #expect(try config["hidden_size"].double() == 4096)
        #expect(try config["rope_theta"].double(in: 1...1e6) == 10_000)
        #expect(try config["tied"].bool())
        #expect(try config["name"].string() == "llama")
        #expect(try config["eos"].array()[2]["id"].integer() == 3)
        #expect(try config["deep"]["er"]["still"].bool() == false)
        #expect(try config["deep"].object().keys == ["er"])
    }

    @Test func takesNullAndAbsenceForTheDefault() throws {
        #expect(try config["rope_scaling"].ifPresent?["factor"].double() == nil)
        #expect(try config["none"].ifPresent?.integer() ?? 7 == 7)
        #expect(try config["none"]["deeper"].ifPresent == nil)
        #expect(try config["tied"].ifPresent?.bool() == true)
    }

    @Test func namesFileAndKeyPath() {
        #expect(
            sentence { try $0["num_hidden_layers"].integer() }
                == "config.json: num_hidden_layers: expected an integer, found a string")
        #expect(
            sentence { try $0["rope_theta"].integer() }
                == "config.json: rope_theta: expected an integer, found the number 10000.0")
        #expect(
            sentence { try $0["vocab_size"].integer() }
                == "config.json: vocab_size: expected an integer, found the number 1e+30")
        #expect(sentence { try $0["layers"].integer() } == "config.json: layers: missing; expected an integer")
        #expect(
            sentence { try $0["none"]["deeper"].string() } == "config.json: none.deeper: missing; expected a string")
        #expect(
            sentence { try $0["deep"]["er"]["still"].double() }
                == "config.json: deep.er.still: expected a number, found a boolean")
        #expect(sentence { try $0["name"]["x"] } == "config.json: name: expected an object, found a string")
        #expect(
            sentence { try $0["eos"].array()[1].integer() }
                == "config.json: eos[1]: expected an integer, found a string")
        #expect(
            sentence { try $0["rope_scaling"].object() } == "config.json: rope_scaling: expected an object, found null")
        #expect(sentence { try $0.array() } == "config.json: expected an array, found an object")
        #expect(sentence { try $0["eos"].bool() } == "config.json: eos: expected a boolean, found an array")
    }

    @Test func namesWhatARangeAllows() {
        #expect(
            sentence { try $0["hidden_size"].integer(in: 1...100) }
                == "config.json: hidden_size: 4096 is out of range; allowed is 1 to 100")
        #expect(
            sentence { try $0["hidden_size"].integer(in: 5000...Int.max) }
                == "config.json: hidden_size: 4096 is out of range; allowed is 5000 or more")
        #expect(
            sentence { try $0["rope_theta"].double(in: 0...1) }
                == "config.json: rope_theta: 10000.0 is out of range; allowed is 0.0 to 1.0")
    }

    @Test func namesAFileThatCannotBeRead() throws {
        let folder = try TemporaryFolder()
        let error = thrown(JSONError.self) { _ = try JSONNode(contentsOf: folder.file("config.json")) }
        #expect(error?.description.hasSuffix("config.json: cannot read it: No such file or directory") == true)
    }
}
