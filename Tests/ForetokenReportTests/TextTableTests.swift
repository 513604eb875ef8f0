import Testing

@testable import ForetokenReport

@Suite struct TextTableTests {
    private var table: TextTable {
        var table = TextTable(["parameter", "group", "count"])
        table.add(["model.layers.3.self_attn.q_proj.weight", "trunk", "16384"])
        table.add(["lm_head.weight", "unembedding", "9"])
        return table
    }

    @Test func aTableThatIsTooWideLosesTheMiddleOfItsFirstColumn() {
        #expect(
            table.text(width: 40) == """
                parameter                   group  count
                model.laye…oj.weight        trunk  16384
                lm_head.weight        unembedding      9
                """)
        for width in 30...80 {
            #expect(table.text(width: width).split(separator: "\n").allSatisfy { $0.count <= width })
        }
    }

    @Test func aTableThatFitsOrGoesIntoAFileIsWhole() {
        #expect(table.text(width: 80) == table.text)
        #expect(table.text.contains("model.layers.3.self_attn.q_proj.weight"))
    }

    @Test func theFirstColumnStaysReadable() {
        #expect(table.text(width: 5).contains("mode…ght"))
        #expect(TextTable([]).text(width: 5) == "")
    }
}
