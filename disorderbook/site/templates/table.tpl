<table><thead><tr>
% for heading in headings:
<th scope="col">{{heading}}</th>
% end
</tr></thead><tbody>
% for first, *others in rows:
<tr><th scope="row">{{!prose(first)}}</th>\\
% for cell in others:
<td>{{!prose(cell)}}</td>\\
% end
</tr>
% end
</tbody></table>
