<section id="order-types">
% include('anchor.tpl', id='order-types', name='Order types')
<h2>Order types</h2>
<p>Every example below starts from this book, in which three people sell and nobody buys yet.
BEN was there before CAT, so BEN comes first at 50.10. You are ME and buy; selling is the mirror
image. A trade always happens at the price of the order that waited in the book, so you may pay
less than you offered, never more.</p>
% offers = [(offer.account, str(offer.quantity), examples.dollars(offer.price)) for offer in examples.OFFERS]
% include('table.tpl', headings=('Seller', 'Shares', 'Price'), rows=offers)
% for kind in examples.ORDER_TYPES:
% type_name = ORDER_TYPE_NAMES[kind.type]
<article id="order-type-{{type_name}}">
% include('anchor.tpl', id=f'order-type-{type_name}', name=type_name)
<details><summary><h3><code>{{type_name}}</code>\\
% if kind.short:
 (or <code>{{kind.short}}</code>)\\
% end
</h3></summary>
<p>{{kind.text}}</p>
% for example in kind.examples:
<div class="worked">
<p><strong>{{example.shows}}</strong></p>
<pre><code>{{pretty(examples.posted(kind, example))}}</code></pre>
<p class="outcome">{{examples.outcome(example)}}</p>
</div>
% end
</details>
</article>
% end
</section>
