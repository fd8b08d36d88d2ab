# --8<-- [start:story]
"""A story, its sequel, and some code, all written for these pages."""

story = """
Squatch had always wanted an oven. Not a small oven, such as people keep in
kitchens, but a large one made of brick, with a door of iron and a chimney that you
could see from the other side of the valley. "What would you do with it?" asked
Yeti, who liked her food cold. "I would bake pizza," said Squatch. "Nothing else.
Only pizza, every evening, for everyone."
So they began to build. Yeti carried the bricks up the hill, twelve at a time, and
Squatch laid them in circles, each a little smaller than the one below. It took nine
days. On the tenth day they lit the first fire, and the oven smoked so badly that
Nessie came out of the lake to complain. "It's only the first fire," said Squatch.
"The second will be better." It was not better. The third was.
Then came the dough. Squatch had read that a good dough needs flour, water, salt,
yeast and time, and that most people forget the time. He mixed the flour and the
water in the evening, added the salt and the yeast, and let the dough rest until the
morning. In the morning it had grown to twice its size. By noon it had grown again
and was leaving the bowl. "It's alive," said Yeti. "It's supposed to be," said
Squatch, and he pushed it back into the bowl.
The first pizza was burnt. The second pizza was raw in the middle and burnt at the
edges. The third pizza fell into the ashes, and nobody wanted to talk about the
fourth. But the fifth pizza came out of the oven with a golden crust and bubbling
cheese, and it tasted good. It tasted so good that nobody said a word until it was
gone. "Again," said Yeti, who had forgotten that she liked her food cold. "Again,"
said Nessie, who had forgotten to complain.
Soon the whole valley knew about the oven. People came over the hills in the
evening, following the smoke, and sat down on the grass. Some wanted tomatoes and
cheese, some wanted mushrooms, and one old man wanted a pizza without anything on it
at all. Squatch baked for all of them. He learned to hear when the oven was hot
enough, to see when the crust was done, and to know, from the way somebody walked up
the hill, how hungry they were. He baked twenty pizzas on a quiet evening and a
hundred on a holiday. He was tired, and he was happy.
Only the Kraken never came. The Kraken lived at the bottom of the sea, which was far
away, and besides, a pizza gets wet there. "We could bring it one," said Nessie.
"Nobody has ever asked the Kraken what it likes." So they baked the largest pizza
that the oven could hold, put it into a box, put the box into another box, and
walked to the sea. Nessie took the boxes down. They waited. The sea was grey and
quiet, and the sun went down. At last one long arm came out of the water, and then
another, and then six more, and all eight of them were clapping.
"""
winter = """
The winter was long that year. Snow lay on the hills, and the path up to the oven
was deep and white. Squatch thought that nobody would come, but he lit the fire
anyway, because an oven that goes cold takes two days to get warm again. In the
evening he saw a light in the valley, and then another. They were coming up the
hill, one behind the other, carrying lamps. "We were hungry," said the old man, "and
it's the only warm place for miles." So they sat close to the bricks, with the snow
falling behind them, and ate pizza until the cheese was gone. Then they ate bread
with tomatoes. Yeti, who liked the winter, brought everyone a cold dessert, and for
once nobody complained.
"""
story, winter = " ".join(story.split()), " ".join(winter.split())
# --8<-- [end:story]
# --8<-- [start:code]
code = '''
def bake(pizza, oven, minutes=8):
    """Put a pizza into the oven, and take it out when it is done."""
    if oven.temperature < 300:
        raise ValueError(f"expected a hot oven, got {oven.temperature} degrees")
    for minute in range(minutes):
        oven.wait(1)
        if pizza.crust == "golden":
            return pizza
    return None


def price(order, tax=0.07):
    total = 0
    for pizza in order.pizzas:
        total += pizza.price
        for topping in pizza.toppings:
            total += topping.price
    return round(total * (1 + tax), 2)


class Order:
    def __init__(self, name, pizzas=None):
        self.name = name
        self.pizzas = [] if pizzas is None else list(pizzas)

    def add(self, pizza, number=1):
        if number < 1:
            raise ValueError(f"expected at least 1 pizza, got {number}")
        for _ in range(number):
            self.pizzas.append(pizza)
        return self
'''
# --8<-- [end:code]
