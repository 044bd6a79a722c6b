% for line in heading:
{{!line}}
% end
% numbers = range(1, len(exchange_ports) + 1)
% exchange = "$exchange" if named_venues else "exchange"
% for number, port in zip(numbers, exchange_ports):
upstream exchange{{f"_{number}" if named_venues else ""}} {
    server 127.0.0.1:{{port}};
    keepalive 64;
}

% end
% if named_venues:
# Which exchange: that of the level's id, if the path has one; else that of the venue's name; else
# the player's, so that he starts his levels at the same one each time and finds them there.
map $uri $exchange {
% for number in numbers:
    "~^/(gm/instances|api/v1/instances|levels)/[0-9]*{{number}}(/|$)" exchange_{{number}};
% end
    default $exchange_of_venue;
}

map $uri $venue {
    "~^/(key/.+/)?ob/api/ws/.+/venues/(?<taped>[^/]+)/(tickertape|executions)(/|$)" $taped;
    "~^/(ob/api/|api/v1/)?venues/(?<asked>[^/]+)" $asked;
    default $arg_venue;  # of pages
}

# Venues that are named here are at that exchange; those of levels have its digit before EX. Where
# any other venue is follows from its name alone.
map $venue $exchange_of_venue {
    "" $exchange_of_player;
% for number, venues in zip(numbers, named_venues):
% for venue in venues:
    "{{!venue}}" exchange_{{number}};
% end
    "~^[A-Z]{2,4}{{number}}EX$" exchange_{{number}};
% end
    default $exchange_of_name;
}

% for what, key in (("name", "venue"), ("player", "player")):
split_clients ${{key}} $exchange_of_{{what}} {
% for number in numbers[:-1]:
    {{f"{100 / len(numbers):.2f}%"}} exchange_{{number}};
% end
    * exchange_{{numbers[-1]}};
}

% end
# A player is his key, which is looked for where the exchange does, or without one his address.
map $http_x_starfighter_authorization $player {
    "" $player_of_second_header;
    default $http_x_starfighter_authorization;
}

map $http_x_stockfighter_authorization $player_of_second_header {
    "" $player_of_cookie;
    default $http_x_stockfighter_authorization;
}

map $cookie_api_key $player_of_cookie {
    "" $remote_addr;
    "~^\"(?<quoted>[^\"]+)\"$" $quoted;
    default $cookie_api_key;
}

% end
# Keys may stand in a URL, behind ? or as /key/KEY/: what is logged of one is its path, without them.
map $uri $exchange_path {
    default $uri;
    "~/key/" "/key/...";
}

log_format exchange '$remote_addr [$time_iso8601] $request_method $exchange_path $status '
                    '$body_bytes_sent $request_time $upstream_addr $upstream_status';
% if connections:

# So that nobody takes all the connections that nginx has.
limit_conn_zone $binary_remote_addr zone=clients:1m;
limit_conn clients {{connections}};
% end

server {
% for each in listen:
    listen {{!each}};
% end
    server_name {{!" ".join(names)}};
% if certificate:

    ssl_certificate {{!certificate}};
    ssl_certificate_key {{!certificate_key}};
% end

    access_log {{!logs}}exchange.log exchange;
    # The error log has whole request lines, keys included, and nothing can leave them out. So it is
    # told nothing of requests; that the exchange does not answer is a 502 or 504 in the log above.
    error_log {{!logs}}exchange-error.log emerg;

    # The exchange refuses bodies over 64 KiB itself, and says so in JSON.
    client_max_body_size 1m;

    # Only what nginx answers itself, because it got nothing; the answers of an exchange stay.
    error_page 502 @unreachable;
    error_page 504 @silent;

    location @unreachable {
        default_type application/json;
        return 502 '{"ok": false, "error": "The exchange cannot be reached: try again later"}';
    }

    location @silent {
        default_type application/json;
        return 504 '{"ok": false, "error": "The exchange has not answered in time"}';
    }

    proxy_http_version 1.1;

    location / {
        proxy_pass http://{{exchange}};
        # The exchange compares the Origin of a web page with the Host that the page asks, and
        # knows a Host that is a name from its option --allowed-host.
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header Connection "";  # so that connections to the exchange are kept
    }

    # How the exchange is doing is nobody else's business; Prometheus asks it on this machine.
    location ~ ^/metrics/?$ {
        default_type application/json;
        return 404 '{"ok": false, "error": "No such path"}';
    }

    # Who may begin the market anew or move its clock asks the exchange itself. nginx looks at paths
    # without their %2F and "..", which the exchange takes as they are: so it is told as well, by
    # X-Forwarded-For, that this is a proxy, and then refuses by itself.
    location ~ ^/(api/v1/)?control(/|$) {
        default_type application/json;
        return 404 '{"ok": false, "error": "No such path"}';
    }

    location ~ ^/api/v1/clock/*$ {
        default_type application/json;
        if ($request_method !~ ^(GET|HEAD|OPTIONS)$) {
            return 404 '{"ok": false, "error": "No such path"}';
        }
        proxy_pass http://{{exchange}};
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header Connection "";
    }
% if not certificate:

    # Without TLS the admin's key could be read on its way: it is used on this machine only. (The
    # sample with TLS lets these through: they need the key in any case.)
    location ~ ^/(api/v1/)?admin(/|$) {
        default_type application/json;
        return 404 '{"ok": false, "error": "No such path"}';
    }
% end
% if certificate and serves_certificate:

    # For programs to trust, once it was compared with the fingerprint on a card.
    location = /class.pem {
        default_type application/x-pem-file;
        alias {{!serves_certificate}};
    }
% end

    # The tape, also with a key before its path.
    location ~ ^/(key/.+/)?ob/api/ws/ {
        proxy_pass http://{{exchange}};
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_buffering off;
        proxy_read_timeout 75s;  # the tape pings every 20 seconds
    }
}
