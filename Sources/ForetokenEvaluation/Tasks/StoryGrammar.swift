/// A grammar for short children's stories about two friends whose names recur.
///
/// Every name follows a space and precedes a space or punctuation, so that a tokenizer that pre-splits text at spaces encodes a
/// name the same everywhere.
enum StoryGrammar {
    /// A piece of a story.
    enum Piece: Equatable {
        case words(String)
        /// The name of the first or the second friend.
        case name(Int)
    }

    private static let animals = [
        "bear", "cat", "dog", "duck", "fox", "frog", "girl", "boy", "hen", "mouse", "owl", "pig", "rabbit", "sheep",
    ]
    private static let adjectives = [
        "big", "small", "red", "blue", "old", "new", "soft", "shiny", "funny", "pretty", "green", "round",
    ]
    private static let things = [
        "ball", "boat", "book", "box", "cake", "drum", "flower", "hat", "kite", "stick", "stone", "toy",
    ]
    private static let places = [
        "barn", "beach", "forest", "garden", "hill", "house", "lake", "park", "river", "shop", "village", "yard",
    ]
    private static let moods = [
        "happy", "sad", "tired", "brave", "scared", "proud", "hungry", "kind", "sorry", "excited",
    ]

    // %1 and %2: the friends. %a, %k, %m: a random adjective, animal, mood. %t, %p: the story's thing and place.
    private static let openings = [
        "Once upon a time, there was a %a %k named %1. The friend of %1 was a %k named %2.",
        "One day, a little %k named %1 went to the %p. There %1 met a %k named %2.",
        "In a %a %p lived a %k named %1. Every day, %1 played with a %k named %2.",
    ]
    private static let middles = [
        "Then %1 saw a %a %t and gave it to %2.", "\"Look at my %t,\" said %1 to %2.",
        "\"Can I have the %t?\" asked %1, and %2 said yes.", "But %1 was %m, so %2 came to help %1.",
        "Then %1 and %2 went to the %p to find the %t.", "\"I am %m,\" said %1, and %2 was %m too.",
        "After that, %1 hid the %t in the %p, but %2 found it.", "Soon %1 and %2 were %m and sat down in the %p.",
        "The mother of %1 made a %a cake for %2.", "\"Where is %2?\" asked %1, but nobody knew where %2 was.",
        "At last %1 ran to the %p, and %2 ran after %1.", "When %1 lost the %t, %2 was very %m.",
        "So %1 said to %2, \"Let us play with the %a %t.\"", "It was late, and %1 told %2 a story about a %k.",
    ]
    private static let endings = [
        "In the end, %1 and %2 were %m, and %1 never lost the %t again.",
        "From that day on, %1 and %2 were friends.", "Then %1 hugged %2, and %2 went home with the %t.",
    ]

    /// A story with `count` sentences between opening and ending.
    static func story(middles count: Int, using generator: inout SeededGenerator) -> [Piece] {
        let (thing, place) = (generator.pick(things), generator.pick(places))
        var pieces: [Piece] = []
        var text = ""
        for sentence in 0..<(count + 2) {
            let template = generator.pick(sentence == 0 ? openings : sentence <= count ? middles : endings)
            // The opening introduces both friends in order; in later sentences either may come first.
            let first = sentence == 0 ? 0 : generator.below(2)
            if sentence > 0 { text += " " }
            var isCode = false
            for character in template {
                guard isCode else {
                    isCode = character == "%"
                    if !isCode { text.append(character) }
                    continue
                }
                isCode = false
                switch character {
                case "1", "2":
                    pieces += [.words(text), .name(character == "1" ? first : 1 - first)]
                    text = ""
                case "a": text += generator.pick(adjectives)
                case "k": text += generator.pick(animals)
                case "m": text += generator.pick(moods)
                case "t": text += thing
                default: text += place
                }
            }
        }
        return pieces + [.words(text)]
    }
}
