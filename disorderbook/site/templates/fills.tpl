  <section class="panel fills" aria-labelledby="fills-title">
    <header><h2 id="fills-title">{{heading}}</h2><p id="fills-note"></p>
% include('sources.tpl', source='fills', what='fills')
    </header>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="fills-title">
      <table>
        <thead><tr>
% for of, name in columns:
          <th scope="col" class="{{of}}" data-of="{{of}}">{{name}}</th>
% end
        </tr></thead>
        <tbody id="fills"></tbody>
      </table>
    </div>
  </section>
